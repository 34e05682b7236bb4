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

// Documents returns the documents of the file that are not empty. A document that is no YAML is reported, and does not stop those after
// it.
func (r *Reader) Documents(content []byte) []*yaml.Node {
	documents, err := decodeAll(content)
	if err == nil {
		return documents
	}
	documents = nil
	line := 0
	for _, piece := range pieces(content) {
		found, err := decodeAll(piece)
		if err != nil {
			if found, err = decodeAll(withoutTabs(piece)); err != nil {
				e := r.notYAML(piece, err)
				e.Line += line
				r.Add(e)
			}
		}
		for _, document := range found {
			shift(document, line)
		}
		documents = append(documents, found...)
		line += bytes.Count(piece, []byte("\n"))
	}
	return documents
}

// decodeAll returns the documents that are not empty, up to the first error.
func decodeAll(content []byte) ([]*yaml.Node, error) {
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		switch {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return documents, err
		case len(doc.Content) > 0 && doc.Content[0].Tag != "!!null":
			documents = append(documents, doc.Content[0])
		}
	}
}

// boundary matches the line with which a document begins. No other line of a YAML file may have this form.
var boundary = regexp.MustCompile(`(?m)^---(?:[ \t\r]|$)`)

// pieces splits a file at the lines with which documents begin.
func pieces(content []byte) [][]byte {
	var all [][]byte
	begin := 0
	for _, at := range boundary.FindAllIndex(content, -1) {
		if at[0] > begin {
			all, begin = append(all, content[begin:at[0]]), at[0]
		}
	}
	return append(all, content[begin:])
}

// tabbed matches the spaces and tabs of a line with a tab that has nothing else, or a comment.
var tabbed = regexp.MustCompile(`(?m)^ *\t[ \t]*(\r?$|#)`)

// withoutTabs removes the indentation of lines that have a tab and no content. YAML allows it there, and the parser does not.
func withoutTabs(content []byte) []byte { return tabbed.ReplaceAll(content, []byte("$1")) }

// shift adds to the line of a node and of all nodes in it.
func shift(node *yaml.Node, lines int) {
	node.Line += lines
	for _, inner := range node.Content {
		shift(inner, lines)
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
