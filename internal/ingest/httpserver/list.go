package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

// list is a file of credentials while it is read. Everything that is wrong in it is collected; nothing that is said repeats
// what it holds, but for words that could not be a secret.
type list struct {
	path         string
	certificates bool
	wrong        []error
	// seen are the lines of proofs: whom a proof that is given twice stands for would depend on the order.
	seen map[proof]int
}

// readList reads credentials of all kinds from a YAML file, and the files that it names.
func readList(path string, certificates bool) ([]*credential, error) {
	content, err := regularfile.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	return parseList(path, content, certificates)
}

func parseList(path string, content []byte, certificates bool) ([]*credential, error) {
	l := &list{path: path, certificates: certificates, seen: map[proof]int{}}
	root, err := document(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if root == nil || root.Kind != yaml.SequenceNode || len(root.Content) == 0 {
		return nil, fmt.Errorf("%s: expected a list of credentials, with at least one", path)
	}
	var all []*credential
	for _, item := range root.Content {
		if one := l.entry(item); one != nil {
			all = append(all, one)
		}
	}
	if len(l.wrong) > 0 {
		return nil, errors.Join(l.wrong...)
	}
	return all, nil
}

// document returns the only document of a file, nil when there is none. An error of the YAML library may quote the file: only
// its line is repeated.
func document(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, nil //nolint:nilnil // An empty file.
	case err != nil:
		return nil, fmt.Errorf("not YAML%s", lineOf(err))
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("expected one YAML document, without another one after it")
	}
	return first.Content[0], nil
}

var yamlLine = regexp.MustCompile(`\bline \d+`)

func lineOf(err error) string {
	if line := yamlLine.FindString(err.Error()); line != "" {
		return ", near " + line
	}
	return ""
}

// add notes a mistake.
func (l *list) add(node *yaml.Node, format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Errorf("%s:%d: %s", l.path, node.Line, fmt.Sprintf(format, args...)))
}

// proofKinds are the fields of which an entry has exactly one.
var proofKinds = []string{"token", "tokenFile", "basic", "clientCertificate"}

// entry reads one credential, or returns nil after it has said what is wrong.
func (l *list) entry(node *yaml.Node) *credential {
	before := len(l.wrong)
	fields := l.fields(node, append([]string{"name", "namespaces"}, proofKinds...)...)
	if fields == nil {
		return nil
	}
	name := l.name(node, fields["name"])
	namespaces := l.namespaces(node, fields["namespaces"])
	var shown proof
	if kind := l.oneOf(node, fields, proofKinds...); kind != "" {
		shown = l.proof(kind, fields[kind])
	}
	if len(l.wrong) > before {
		return nil
	}
	if line, ok := l.seen[shown]; ok {
		l.add(node, "the same as in line %d: one token, password or certificate is one credential", line)
		return nil
	}
	l.seen[shown] = node.Line
	return newCredential(name, shown, namespaces...)
}

// name is that of the door: no slash, which separates the parts of a door's name.
func (l *list) name(entry, node *yaml.Node) string {
	if node == nil {
		l.add(entry, "name is missing: alerts are told apart by it")
		return ""
	}
	name := l.text(node, "name")
	if !nameForm.MatchString(name) {
		l.add(node, "name: expected letters, digits, -, _ and ., at most 63 of them, beginning and ending with a letter or digit")
	}
	return name
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

func (l *list) namespaces(entry, node *yaml.Node) []string {
	if node == nil {
		l.add(entry, `namespaces is missing: expected a list of names, or ["*"] for all of them and the cluster-wide door`)
		return nil
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		l.add(node, `namespaces: expected a list of names, or ["*"]`)
		return nil
	}
	var all []string
	for _, item := range node.Content {
		name := l.text(item, "namespaces")
		if name != everywhere && !isNamespace(name) {
			l.add(item, `namespaces: expected the name of a namespace, or "*"`)
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (l *list) proof(kind string, node *yaml.Node) proof {
	switch kind {
	case "token", "tokenFile":
		token := l.secret(kind, node)
		if strings.ContainsAny(token, " \t\r\n") {
			l.add(node, "%s: a token has no space in it", kind)
		}
		return bearer(token)
	case "basic":
		return l.basic(node)
	default:
		return l.certificate(node)
	}
}

func (l *list) basic(node *yaml.Node) proof {
	fields := l.fields(node, "username", "password", "passwordFile")
	if fields == nil {
		return proof{}
	}
	username := ""
	if fields["username"] == nil {
		l.add(node, "basic: username is missing")
	} else if username = l.text(fields["username"], "username"); username == "" || strings.Contains(username, ":") {
		l.add(fields["username"], "username: expected something without a colon")
	}
	kind := l.oneOf(node, fields, "password", "passwordFile")
	if kind == "" {
		return proof{}
	}
	return basic(username, l.secret(kind, fields[kind]))
}

func (l *list) certificate(node *yaml.Node) proof {
	known := []string{"commonName", "dnsName", "uri"}
	fields := l.fields(node, known...)
	if fields == nil {
		return proof{}
	}
	if !l.certificates {
		l.add(node, "clientCertificate: nobody is asked for one without --client-ca-file")
	}
	field := l.oneOf(node, fields, known...)
	if field == "" {
		return proof{}
	}
	value := l.text(fields[field], field)
	if value == "" {
		l.add(fields[field], "%s is empty: expected what the certificate has there", field)
	}
	return certified(field, value)
}

// secret is what a field holds, or the file that a field ending in File names: relative to the list's folder, and without the
// newlines at its end.
func (l *list) secret(field string, node *yaml.Node) string {
	secret := l.text(node, field)
	if strings.HasSuffix(field, "File") && secret != "" {
		path := secret
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(l.path), path)
		}
		content, err := regularfile.ReadFile(path, maxFile)
		if err != nil {
			l.add(node, "%s: %v", field, err)
			return ""
		}
		secret = strings.TrimRight(string(content), "\r\n")
	}
	if len(secret) < shortest {
		l.add(node, "%s: expected at least %d characters", field, shortest)
	}
	return secret
}
