package notify

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/regularfile"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

const (
	// maxFile bounds the file and each file that it names, in bytes.
	maxFile = 1 << 20
	// maxSinks bounds the sinks of a file, and with it the memory of all queues.
	maxSinks = 16
	// minTimeout and maxTimeout bound timeout, minMaxAge and maxMaxAge bound maxAge.
	minTimeout, maxTimeout = 100 * time.Millisecond, time.Minute
	minMaxAge, maxMaxAge   = time.Second, 24 * time.Hour
)

// parser reads a file of sinks and collects all mistakes in it. No error quotes a value that could be a secret.
type parser struct {
	strictyaml.Reader

	cluster string
	// dir is the folder of relative paths; files is false if the files that are named are not read.
	dir   string
	files bool
	names map[string]bool
}

// Read reads the sinks of a file, and the files that it names. cluster is the name of the cluster, or "".
func Read(path, cluster string) ([]*Sink, error) {
	content, err := regularfile.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the notifications: %w", err)
	}
	p := newParser(path, cluster)
	p.files = true
	sinks := p.parse(content)
	if p.Count() > 0 {
		return nil, p.Err()
	}
	return sinks, nil
}

// Check returns the number of sinks in a file and all mistakes in it. It does not read the files that it names: they may be on another machine.
func Check(path string, content []byte) (int, []diag.Error) {
	p := newParser(path, "example")
	sinks := p.parse(content)
	return len(sinks), p.Errors()
}

func newParser(path, cluster string) *parser {
	return &parser{
		Reader: strictyaml.Reader{File: path, Secret: true}, cluster: cluster, dir: filepath.Dir(path), names: map[string]bool{},
	}
}

// parse returns the sinks without mistakes.
func (p *parser) parse(content []byte) []*Sink {
	documents := p.Documents(content)
	switch {
	case p.Count() > 0:
		return nil
	case len(documents) != 1:
		p.Add(diag.Error{File: p.File, Problem: fmt.Sprintf("has %d YAML documents", len(documents)), Suggestion: "one with the field sinks was expected"})
		return nil
	}
	root := p.Resolve(documents[0])
	fields := p.fields(root, "", "sinks")
	if fields == nil {
		return nil
	}
	node := fields["sinks"]
	if node == nil {
		p.add(root, "sinks", "is required", "a list of sinks, which may be empty")
		return nil
	}
	var all []*Sink
	p.List(node, "sinks", func(item *yaml.Node, path string) {
		if len(all) == maxSinks {
			p.add(item, path, fmt.Sprintf("is more than %d sinks", maxSinks), "one sink can serve several namespaces and types")
			return
		}
		before := p.Count()
		if s := p.sink(item, path); p.Count() == before {
			all = append(all, s)
		}
	})
	return all
}

// nameForm is the form of the name of a sink, which is a label of metrics.
var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (p *parser) sink(node *yaml.Node, path string) *Sink {
	fields := p.fields(node, path, "name", "http", "nats", "filter", "timeout", "maxAge")
	if fields == nil {
		return nil
	}
	s := &Sink{}
	if n := p.required(node, fields, path, "name"); n != nil {
		s.Name = p.text(n, path+".name")
		switch {
		case !nameForm.MatchString(s.Name):
			p.add(n, path+".name", "is no name of a sink", "lower-case letters, digits and -, at most 63 of them")
		case p.names[s.Name]:
			p.add(n, path+".name", fmt.Sprintf("%q is the name of an earlier sink", s.Name), "each sink needs a name of its own")
		}
		p.names[s.Name] = true
	}
	if n := fields["filter"]; n != nil {
		s.Filter = p.filter(n, path+".filter")
	}
	s.Timeout = p.duration(fields["timeout"], path+".timeout", defaultTimeout, minTimeout, maxTimeout)
	s.MaxAge = p.duration(fields["maxAge"], path+".maxAge", defaultMaxAge, minMaxAge, maxMaxAge)
	switch p.oneOf(node, path, fields, "http", "nats") {
	case "http":
		s.HTTP = p.http(fields["http"], path+".http", s.Filter.Types)
	case "nats":
		s.NATS = p.nats(fields["nats"], path+".nats")
	}
	return s
}

func (p *parser) http(node *yaml.Node, path string, ts []Type) *HTTP {
	fields := p.fields(node, path, "url", "urlFile", "mode", "body", "tokenFile", "headersFromFile", "caFile", "certFile", "keyFile")
	if fields == nil {
		return nil
	}
	h := &HTTP{TLS: p.tls(node, path, fields)}
	if kind := p.oneOf(node, path, fields, "url", "urlFile"); kind != "" {
		h.URL = p.value(kind, fields[kind], path)
		if problem := p.wrongURL(h.URL); problem != "" && (kind == "url" || h.URL != "") {
			p.add(fields[kind], path+"."+kind, problem, "https://HOST/PATH was expected")
		}
	}
	if n := fields["mode"]; n != nil {
		switch mode := p.text(n, path+".mode"); mode {
		case "binary", "structured":
			h.Binary = mode == "binary"
		default:
			p.add(n, path+".mode", "is no mode of a CloudEvent", diag.Suggest(mode, []string{"structured", "binary"}))
		}
		if fields["body"] != nil {
			p.add(n, path+".mode", "has no effect with body", "remove one of the two")
		}
	}
	if n := fields["body"]; n != nil {
		h.Body = p.text(n, path+".body")
		p.checkBody(n, path+".body", h.Body, ts)
	}
	h.Header = p.header(path, fields)
	return h
}

// checkBody reports the mistakes in an expression, by examples of the types that the sink gets.
func (p *parser) checkBody(node *yaml.Node, path, text string, ts []Type) {
	b, err := compileBody(text)
	if err == nil {
		if len(ts) == 0 {
			ts = Types()
		}
		err = b.check(ts)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			p.add(node, path, strings.TrimSpace(line), "it is a CEL expression over event that makes a map or a list")
		}
	}
}

// wrongURL returns the problem with a URL, without quoting it; "" if it is valid.
func (p *parser) wrongURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return "is no URL of an HTTP server"
	case u.User != nil:
		return "contains a user or a password: put the header Authorization into a file of headersFromFile"
	case u.Fragment != "":
		return "has a fragment, which is not sent"
	default:
		return ""
	}
}

func (p *parser) nats(node *yaml.Node, path string) *NATS {
	fields := p.fields(node, path, append([]string{"server", "subject", "stream", "username", "caFile", "certFile", "keyFile"}, loginFiles...)...)
	if fields == nil {
		return nil
	}
	n := &NATS{TLS: p.tls(node, path, fields)}
	if at := p.required(node, fields, path, "server"); at != nil {
		n.Server = p.text(at, path+".server")
		for address := range strings.SplitSeq(n.Server, ",") {
			u, err := url.Parse(strings.TrimSpace(address))
			if err != nil || u.User != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
				p.add(at, path+".server", "is no URL of a NATS server without a user", "nats://HOST:4222 was expected")
				break
			}
		}
	}
	if at := p.required(node, fields, path, "subject"); at != nil {
		n.Subject = p.text(at, path+".subject")
		if problem, suggestion := p.wrongSubject(n.Subject); problem != "" {
			p.add(at, path+".subject", problem, suggestion)
		}
	}
	if at := fields["stream"]; at != nil {
		if n.Stream = p.text(at, path+".stream"); n.Stream == "" || strings.ContainsAny(n.Stream, " .*>\t\r\n") {
			p.add(at, path+".stream", "is no name of a stream", "a name without space, dot, * and > was expected")
		}
	}
	p.login(node, path, fields, n)
	return n
}

// wrongSubject returns the problem with a subject, and a suggestion; both are "" if it is valid.
func (p *parser) wrongSubject(subject string) (problem, suggestion string) {
	if strings.Contains(subject, "{cluster}") && p.cluster == "" {
		return "contains {cluster}, and the cluster has no name", "set --cluster-name of impulse run"
	}
	rest := strings.NewReplacer("{cluster}", "x", "{namespace}", "x", "{name}", "x", "{type}", "x").Replace(subject)
	for token := range strings.SplitSeq(rest, ".") {
		switch {
		case strings.ContainsAny(token, "{}"):
			return "contains an unknown field in braces", "known are " + strings.Join(subjectFields, ", ")
		case token == "" || strings.ContainsAny(token, "*> \t\r\n"):
			return "is no subject to publish to", "such as impulse.{namespace}.{name}.{type}"
		}
	}
	return "", ""
}
