package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/http/httpguts"

	"github.com/impulse-sh/impulse/internal/regularfile"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// value returns the value of a field, or for a field ending in File the content of that file, without newlines at its end.
func (p *parser) value(field string, node *yaml.Node, path string) string {
	text := p.text(node, path+"."+field)
	if !strings.HasSuffix(field, "File") || text == "" {
		return text
	}
	return p.file(node, path+"."+field, text)
}

// file returns the content of a file, without newlines at its end; "" if files are not read. Paths are relative to the folder of the sinks.
func (p *parser) file(node *yaml.Node, path, name string) string {
	if !p.files {
		return ""
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.dir, name)
	}
	content, err := regularfile.ReadFile(name, maxFile)
	if err != nil {
		p.add(node, path, err.Error(), "")
		return ""
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" {
		p.add(node, path, "names an empty file", "")
	}
	return text
}

func (p *parser) tls(node *yaml.Node, path string, fields map[string]*yaml.Node) TLS {
	get := func(field string) string {
		if fields[field] == nil {
			return ""
		}
		return p.value(field, fields[field], path)
	}
	before := p.Count()
	t := TLS{CA: get("caFile"), Cert: get("certFile"), Key: get("keyFile")}
	if (fields["certFile"] == nil) != (fields["keyFile"] == nil) {
		p.add(node, path, "has only one of certFile, keyFile", "a client certificate needs both")
	}
	if !p.files || p.Count() > before {
		return t
	}
	if t.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)) {
		p.add(fields["caFile"], path+".caFile", "names a file without a certificate in PEM", "")
	}
	if t.Cert != "" {
		if _, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key)); err != nil {
			p.add(fields["certFile"], path+".certFile", "and keyFile name no certificate in PEM and its key", "")
		}
	}
	return t
}

// loginFiles are the files of which at most one way to log in to NATS is made.
var loginFiles = []string{"passwordFile", "tokenFile", "nkeyFile", "credsFile"}

func (p *parser) login(node *yaml.Node, path string, fields map[string]*yaml.Node, n *NATS) {
	given := slices.DeleteFunc(slices.Clone(loginFiles), func(name string) bool { return fields[name] == nil })
	if len(given) > 1 {
		p.add(node, path, "has several ways to log in: "+strings.Join(given, ", "), "at most one was expected")
	}
	if (fields["username"] == nil) != (fields["passwordFile"] == nil) {
		p.add(node, path, "has only one of username, passwordFile", "a user needs both")
	}
	if at := fields["username"]; at != nil {
		n.Username = p.text(at, path+".username")
	}
	for _, one := range []struct {
		field string
		to    *string
	}{{"passwordFile", &n.Password}, {"tokenFile", &n.Token}, {"nkeyFile", &n.NKey}, {"credsFile", &n.Creds}} {
		if at := fields[one.field]; at != nil {
			*one.to = p.value(one.field, at, path)
		}
	}
	if n.NKey != "" {
		if _, err := nkeys.FromSeed([]byte(n.NKey)); err != nil {
			p.add(fields["nkeyFile"], path+".nkeyFile", "names a file without the seed of an nkey", "")
		}
	}
}

// header returns the headers of the requests.
func (p *parser) header(path string, fields map[string]*yaml.Node) http.Header {
	header := http.Header{}
	if at := fields["tokenFile"]; at != nil {
		header.Set("Authorization", "Bearer "+p.headerValue(at, path+".tokenFile"))
	}
	at := fields["headersFromFile"]
	if at == nil {
		return header
	}
	if at.Kind != yaml.MappingNode {
		p.WrongType(at, path+".headersFromFile", "a map of header names and files")
		return header
	}
	pairs, err := strictyaml.Pairs(at)
	if err != nil {
		p.add(at, path+".headersFromFile", err.Error(), "")
	}
	for _, pair := range pairs {
		name := http.CanonicalHeaderKey(pair.Key.Value)
		if problem := wrongHeader(name, header); problem != nil {
			p.add(pair.Key, path+".headersFromFile", problem.Error(), "")
			continue
		}
		header.Set(name, p.headerValue(pair.Value, path+".headersFromFile"))
	}
	return header
}

// Errors of the name of a header.
var (
	errHeaderName  = errors.New("has a name that no header has")
	errHeaderTaken = errors.New("sets a header that Impulse sets itself, or twice")
)

// wrongHeader returns the problem with the name of a header, or nil.
func wrongHeader(name string, given http.Header) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return errHeaderName
	case given[name] != nil, strings.HasPrefix(name, "Ce-"), slices.Contains([]string{"Content-Type", "Content-Length", "Host", "Transfer-Encoding", "Connection"}, name):
		return errHeaderTaken
	default:
		return nil
	}
}

// headerValue returns the content of a file as the value of a header.
func (p *parser) headerValue(node *yaml.Node, path string) string {
	name := p.text(node, path)
	if name == "" {
		return ""
	}
	value := p.file(node, path, name)
	if !httpguts.ValidHeaderFieldValue(value) {
		p.add(node, path, "names a file whose content is no value of a header", "one line without control characters was expected")
	}
	return value
}
