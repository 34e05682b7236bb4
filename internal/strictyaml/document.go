package strictyaml

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
)

// Documents returns the documents of the file that are not empty, up to the first error. Errors are reported.
func (r *Reader) Documents(content []byte) []*yaml.Node {
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		switch {
		case errors.Is(err, io.EOF):
			return documents
		case err != nil:
			r.Add(r.notYAML(content, err))
			return documents
		case len(doc.Content) > 0 && doc.Content[0].Tag != "!!null":
			documents = append(documents, doc.Content[0])
		}
	}
}

// prefix is the beginning of the parser's messages. Its line is often that of the node around the mistake.
var prefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// notYAML returns the error of a file that is no YAML. The parser's message may quote it.
func (r *Reader) notYAML(content []byte, err error) diag.Error {
	e := diag.Error{File: r.File, Problem: "is not YAML"}
	if !r.Secret {
		e.Problem += ": " + prefix.ReplaceAllString(err.Error(), "")
	}
	e.Line, e.Column = stopped(content)
	return e
}

// stopped returns where the parser gives up: the place of the last word that it reads when it gets one byte at a time.
func stopped(content []byte) (line, column int) {
	r := &byByte{rest: content}
	decoder := yaml.NewDecoder(r)
	for {
		var doc yaml.Node
		if decoder.Decode(&doc) != nil {
			break
		}
	}
	read := bytes.TrimRight(content[:len(content)-len(r.rest)], " \t\r\n")
	begin := bytes.LastIndexAny(read, " \t\n,[]{}")
	if begin > 0 && begin == len(read)-1 {
		begin-- // The last word is such a character itself.
	}
	lineBegin := bytes.LastIndexByte(read[:begin+1], '\n') + 1
	return bytes.Count(read[:begin+1], []byte("\n")) + 1, utf8.RuneCount(read[lineBegin:begin+1]) + 1
}

// byByte reads one byte at a time.
type byByte struct{ rest []byte }

// Read reads the next byte.
func (b *byByte) Read(into []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(into[:min(1, len(into))], b.rest)
	b.rest = b.rest[n:]
	return n, nil
}
