package metricsapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/impulse-sh/impulse/triggers"
)

// The ways in which a client proves who it is.
const (
	modeAPIKey = "apiKey"
	modeBasic  = "basic"
	modeBearer = "bearer"
	modeCustom = "custom"
	modeTLS    = "tls"
)

var allModes = []string{modeAPIKey, modeBasic, modeBearer, modeCustom, modeTLS}

// parameters returns the parameters of the authenticationRef.
func parameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "authModes", Doc: "As in the metadata, if they have neither authMode nor authModes."},
		{Name: "authMode", Doc: "Another name of authModes."},
		{Name: "apiKey", Doc: "The key, with apiKey."},
		{Name: "method", Doc: "As in the metadata, if they have none."},
		{Name: "keyParamName", Doc: "As in the metadata, if they have none."},
		{Name: "username", Doc: "User, with basic."},
		{Name: "password", Doc: "Password, with basic. It may be empty."},
		{Name: "bearerToken", Doc: "Token, with bearer."},
		{Name: "token", Doc: "Another name of bearerToken."},
		{Name: "customAuthHeader", Doc: "Name of a header, with custom."},
		{Name: "customAuthValue", Doc: "Value of the header, with custom."},
		{Name: "ca", Doc: "Certificates in PEM that sign the server's."},
		{Name: "cert", Doc: "A client certificate in PEM."},
		{Name: "key", Doc: "The key of the client certificate, in PEM."},
	}
}

// checkModes returns what is wrong with a list of modes; "" if nothing is.
func checkModes(modes []string) string {
	for _, m := range modes {
		if !slices.Contains(allModes, m) {
			return fmt.Sprintf("%q is not supported", m)
		}
	}
	if slices.Contains(modes, modeBasic) && slices.Contains(modes, modeBearer) {
		return "has both basic and bearer, which use the same header"
	}
	return ""
}

// checkMethod returns what is wrong with the way to send an API key; "" if nothing is.
func checkMethod(method string) string {
	if method != "" && method != inHeader && method != inQuery {
		return fmt.Sprintf("%q is not supported", method)
	}
	return ""
}

// login reads the current credentials.
type login struct {
	config  Login
	secrets triggers.Secrets
}

// credentials are what a client sends with a request.
type credentials struct {
	header, query      pair
	basic              bool
	username, password string
	ca, cert, key      string
	authorization      string
	custom             pair
}

// pair is the name and the value of a header or of a query parameter.
type pair struct{ name, value string }

// read returns the current credentials. Metadata take precedence over the authenticationRef.
func (l login) read(ctx context.Context) (*credentials, error) {
	var names []string
	for _, p := range parameters() {
		names = append(names, p.Name)
	}
	values, err := l.secrets.Read(ctx, names...)
	if err != nil {
		return nil, err
	}
	get := func(given string, names ...string) string {
		for i := 0; given == "" && i < len(names); i++ {
			given = values[names[i]]
		}
		return given
	}
	modes := l.config.AuthModes
	if len(modes) == 0 {
		modes = l.config.AuthMode
	}
	if len(modes) == 0 {
		modes = split(get("", "authModes", "authMode"))
	}
	if problem := checkModes(modes); problem != "" {
		return nil, fmt.Errorf("authMode of the authenticationRef: %s", problem)
	}
	c := &credentials{ca: values["ca"], cert: values["cert"], key: values["key"]}
	for _, m := range modes {
		if problem := c.add(m, l.config, get); problem != "" {
			return nil, fmt.Errorf("authMode is %s, but %s", m, problem)
		}
	}
	return c, nil
}

// split returns the elements of a list that commas separate.
func split(text string) []string {
	var list []string
	if text != "" {
		for one := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(one))
		}
	}
	return list
}

// add adds the credentials of one mode. It returns what is missing; "" if nothing is.
func (c *credentials) add(mode string, l Login, get func(given string, names ...string) string) string {
	missing := func(names string) string { return "the authenticationRef has no parameter " + names }
	switch mode {
	case modeAPIKey:
		return c.addKey(get(l.APIKey, "apiKey"), get(l.Method, "method"), get(l.KeyParamName, "keyParamName"))
	case modeBasic:
		c.basic, c.username, c.password = true, get("", "username"), get("", "password")
		if c.username == "" {
			return missing("username")
		}
	case modeBearer:
		token := get("", "bearerToken", "token")
		if token == "" {
			return missing("bearerToken or token")
		}
		c.authorization = "Bearer " + token
	case modeCustom:
		c.custom = pair{get("", "customAuthHeader"), get("", "customAuthValue")}
		if c.custom.name == "" || c.custom.value == "" {
			return missing("customAuthHeader or no customAuthValue")
		}
	case modeTLS:
		if c.ca == "" && c.cert == "" {
			return missing("ca or cert")
		}
	}
	return ""
}

// addKey adds an API key. It returns what is missing or wrong; "" if nothing is.
func (c *credentials) addKey(key, method, name string) string {
	switch {
	case key == "":
		return "neither the metadata nor the authenticationRef has apiKey"
	case checkMethod(method) != "":
		return "method of the authenticationRef " + checkMethod(method)
	case method == inQuery:
		c.query = pair{name, key}
		if name == "" {
			c.query.name = defaultKey
		}
	default:
		c.header = pair{name, key}
		if name == "" {
			c.header.name = defaultHeader
		}
		if !httpguts.ValidHeaderFieldName(c.header.name) {
			return "keyParamName of the authenticationRef cannot be a header"
		}
	}
	return ""
}

// apply adds the credentials to a request.
func (c *credentials) apply(r *http.Request) {
	if c.query.name != "" {
		query := r.URL.Query()
		query.Set(c.query.name, c.query.value)
		r.URL.RawQuery = query.Encode()
	}
	if c.header.name != "" {
		r.Header.Set(c.header.name, c.header.value)
	}
	if c.custom.name != "" {
		r.Header.Set(c.custom.name, c.custom.value)
	}
	if c.basic {
		r.SetBasicAuth(c.username, c.password)
	}
	if c.authorization != "" {
		r.Header.Set("Authorization", c.authorization)
	}
}
