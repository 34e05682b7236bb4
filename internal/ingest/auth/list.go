package auth

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/regularfile"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// listParser parses a file of credentials and collects all mistakes in it. No error repeats a value that could be a secret.
type listParser struct {
	strictyaml.Reader

	certificates bool
	// lines has the line of each digest parsed so far. A secret may occur only once, as its owner would otherwise depend on the order.
	lines map[digest]int
}

// readList reads credentials of all kinds from a YAML file, and the files that it names.
func readList(path string, certificates bool) ([]*Credential, error) {
	content, err := regularfile.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	return parseList(path, content, certificates)
}

func parseList(path string, content []byte, certificates bool) ([]*Credential, error) {
	l := &listParser{Reader: strictyaml.Reader{File: path, Secret: true}, certificates: certificates, lines: map[digest]int{}}
	documents := l.Documents(content)
	var all []*Credential
	switch {
	case l.Count() > 0:
	case len(documents) > 1:
		l.add(documents[1], "", "expected one YAML document, without another one after it")
	case len(documents) == 0 || documents[0].Kind != yaml.SequenceNode || len(documents[0].Content) == 0:
		return nil, fmt.Errorf("%s: expected a list of credentials, with at least one", path)
	default:
		l.List(documents[0], "", func(item *yaml.Node, _ string) {
			if one := l.entry(item); one != nil {
				all = append(all, one)
			}
		})
	}
	if l.Count() > 0 {
		return nil, l.Err()
	}
	return all, nil
}

// add adds a mistake at a node.
func (l *listParser) add(node *yaml.Node, field, format string, args ...any) {
	l.Report(node, field, fmt.Sprintf(format, args...), "")
}

// secretKinds are the fields of which an entry has exactly one.
var secretKinds = []string{"token", "tokenFile", "basic", "clientCertificate"}

// entry parses one credential, and returns nil if that added mistakes.
func (l *listParser) entry(node *yaml.Node) *Credential {
	before := l.Count()
	fields := l.fields(node, "", append([]string{"name", "namespaces"}, secretKinds...)...)
	if fields == nil {
		return nil
	}
	name := l.name(node, fields["name"])
	namespaces := l.namespaces(node, fields["namespaces"])
	var shown digest
	if kind := l.oneOf(node, fields, secretKinds...); kind != "" {
		shown = l.digest(kind, fields[kind])
	}
	if l.Count() > before {
		return nil
	}
	if line, ok := l.lines[shown]; ok {
		l.add(node, "", "the same as in line %d: a token, a username with its password, or a certificate identifies one credential only", line)
		return nil
	}
	l.lines[shown] = node.Line
	return newCredential(name, shown, namespaces...)
}

// name parses the name of a credential. It has no slash, which separates the parts of an endpoint's name.
func (l *listParser) name(entry, node *yaml.Node) string {
	if node == nil {
		l.add(entry, "name", "is missing: it distinguishes the alerts of different senders")
		return ""
	}
	name := l.text(node, "name")
	if !nameForm.MatchString(name) {
		l.add(node, "name", "expected letters, digits, -, _ and ., at most 63 of them, beginning and ending with a letter or digit")
	}
	return name
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

func (l *listParser) namespaces(entry, node *yaml.Node) []string {
	if node == nil {
		l.add(entry, "namespaces", `is missing: expected a list of names, or ["*"] for all of them and the cluster-wide receiver`)
		return nil
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		l.add(node, "namespaces", `expected a list of names, or ["*"]`)
		return nil
	}
	var all []string
	for _, item := range node.Content {
		name := l.text(item, "namespaces")
		if name != AllNamespaces && !IsNamespace(name) {
			l.add(item, "namespaces", `expected the name of a namespace, or "*"`)
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (l *listParser) digest(kind string, node *yaml.Node) digest {
	switch kind {
	case "token", "tokenFile":
		token := l.secret(kind, node)
		if strings.ContainsAny(token, " \t\r\n") {
			l.add(node, kind, "a token has no space in it")
		}
		return bearerDigest(token)
	case "basic":
		return l.basic(node)
	default:
		return l.certificate(node)
	}
}

func (l *listParser) basic(node *yaml.Node) digest {
	fields := l.fields(node, "basic", "username", "password", "passwordFile")
	if fields == nil {
		return digest{}
	}
	username := ""
	if fields["username"] == nil {
		l.add(node, "basic.username", "is missing")
	} else if username = l.text(fields["username"], "basic.username"); username == "" || strings.Contains(username, ":") {
		l.add(fields["username"], "basic.username", "expected a name without a colon")
	}
	kind := l.oneOf(node, fields, "password", "passwordFile")
	if kind == "" {
		return digest{}
	}
	return basicDigest(username, l.secret(kind, fields[kind]))
}

func (l *listParser) certificate(node *yaml.Node) digest {
	known := []string{"commonName", "dnsName", "uri"}
	fields := l.fields(node, "clientCertificate", known...)
	if fields == nil {
		return digest{}
	}
	if !l.certificates {
		l.add(node, "clientCertificate", "the server asks for no certificate without --client-ca-file")
	}
	field := l.oneOf(node, fields, known...)
	if field == "" {
		return digest{}
	}
	value := l.text(fields[field], "clientCertificate."+field)
	if value == "" {
		l.add(fields[field], "clientCertificate."+field, "is empty: expected its value in the certificate")
	}
	return certificateDigest(field, value)
}

// secret returns the value of a field, or for a field ending in File the content of that file, relative to the folder of the list
// and without trailing newlines.
func (l *listParser) secret(field string, node *yaml.Node) string {
	secret := l.text(node, field)
	if strings.HasSuffix(field, "File") && secret != "" {
		path := secret
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(l.File), path)
		}
		content, err := regularfile.ReadFile(path, maxFile)
		if err != nil {
			l.add(node, field, "%v", err)
			return ""
		}
		secret = strings.TrimRight(string(content), "\r\n")
	}
	if len(secret) < minSecret {
		l.add(node, field, "expected at least %d characters", minSecret)
	}
	return secret
}
