package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
)

// Documents returns the documents of a YAML file that are not empty, up to what cannot be read.
func Documents(file string, content []byte) ([]*yaml.Node, []diag.Error) {
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		switch {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return documents, []diag.Error{notYAML(file, content, err)}
		case len(doc.Content) > 0 && doc.Content[0].Tag != "!!null":
			documents = append(documents, doc.Content[0])
		}
	}
}

// prefix is what the parser puts before what is wrong; its line is often that of what stands around the mistake.
var prefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// notYAML is the problem of a file that is no YAML.
func notYAML(file string, content []byte, err error) diag.Error {
	p := diag.Error{File: file, Problem: "is not YAML: " + prefix.ReplaceAllString(err.Error(), "")}
	p.Line, p.Column = stopped(content)
	return p
}

// stopped returns where the parser gives up: the word that it read last when it gets no more than it asks for.
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
