package cloudvault

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
)

// maxURL bounds the length of a URL in an error, in bytes.
const maxURL = 200

// server is a server that a request names.
type server struct{ field, host string }

// checkServers checks the servers that receive a request or sign it in, because the bridge connects by itself. The endpoints of the clouds
// are among them: a name server may give them an address that the rules refuse.
func (r *Reader) checkServers(ctx context.Context, request *bridgeapi.ReadSecretsRequest) error {
	servers, err := serversOf(request)
	if err != nil {
		return err
	}
	if r.CheckHost == nil {
		return nil
	}
	for _, s := range servers {
		if err := r.CheckHost(ctx, s.host); err != nil {
			return fmt.Errorf("%s: %w", s.field, err)
		}
	}
	return nil
}

// serversOf returns the servers that a request names. A text that could lead elsewhere than to the server that is checked is an error.
func serversOf(request *bridgeapi.ReadSecretsRequest) ([]server, error) {
	settings := request.GetSettings()
	switch request.GetVault() {
	case Azure:
		return azureServers(settings, request.GetPodIdentity().GetIdentityAuthorityHost())
	case AWS:
		region := settings["region"]
		if region == "" { // The environment of the bridge has it.
			return nil, nil
		}
		if !isRegion.MatchString(region) {
			return nil, fmt.Errorf("region: %q is not a region such as eu-west-1", printable.Line(region, maxURL))
		}
		return []server{{"region", "secretsmanager." + region + domainOfAWS(region)}}, nil
	case Google:
		return googleServers(request.GetCredentials()["clientSecret"])
	default:
		return nil, fmt.Errorf("there is no vault %s", request.GetVault())
	}
}

// domainOfAWS returns the domain of the services of a region.
func domainOfAWS(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return ".amazonaws.com.cn"
	case strings.HasPrefix(region, "eusc-"):
		return ".amazonaws.eu"
	}
	return ".amazonaws.com"
}

// isRegion matches a region of AWS. It becomes a part of the name of a server.
var isRegion = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// azureServers returns the vault and the authorities that an azureKeyVault names.
func azureServers(settings map[string]string, ofIdentity string) ([]server, error) {
	var all []server
	for _, s := range []struct{ field, text string }{
		{"vaultUri", settings["vaultUri"]},
		{"cloud.activeDirectoryEndpoint", settings["activeDirectoryEndpoint"]},
		{"podIdentity.identityAuthorityHost", ofIdentity},
	} {
		if s.text == "" && s.field != "vaultUri" {
			continue
		}
		host, err := hostOf(s.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.field, err)
		}
		all = append(all, server{s.field, host})
	}
	return all, nil
}

// googleServers returns the servers that the key of a Google service account names; with "" for the identity of the Pod.
func googleServers(key string) ([]server, error) {
	var account struct {
		TokenURI       string `json:"token_uri"`
		UniverseDomain string `json:"universe_domain"`
	}
	if key != "" && json.Unmarshal([]byte(key), &account) != nil { // Its error could repeat the key.
		return nil, errors.New("credentials.clientSecret is not the JSON key of a service account")
	}
	domain := cmp.Or(account.UniverseDomain, "googleapis.com")
	if !isDomain.MatchString(domain) {
		return nil, fmt.Errorf("the universe_domain of credentials.clientSecret: %q is not a domain", printable.Line(domain, maxURL))
	}
	all := []server{{"the universe_domain of credentials.clientSecret", "secretmanager." + domain}}
	if account.TokenURI == "" {
		return all, nil
	}
	host, err := hostOf(account.TokenURI)
	if err != nil {
		return nil, fmt.Errorf("the token_uri of credentials.clientSecret: %w", err)
	}
	return append(all, server{"the token_uri of credentials.clientSecret", host}), nil
}

// isDomain matches a domain of Google's services.
var isDomain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`)

// hostOf returns the host of an https URL that has nothing but a host, a port and a path.
func hostOf(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not an https URL such as https://vault.example", printable.Line(text, maxURL))
	}
	return u.Hostname(), nil
}
