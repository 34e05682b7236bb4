package metricsapi

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
)

// element is an XML element that has begun.
type element struct {
	name  string
	text  strings.Builder
	parts map[string]siblings
}

// siblings are the XML elements with the same name in one element.
type siblings []any

// only returns the only element.
func (s siblings) only() (any, error) {
	if len(s) > 1 {
		return nil, triggers.VaryingErrorf("the answer has %d elements at valueLocation: add the position of one, from 0", len(s))
	}
	return s[0], nil
}

// value returns the elements inside, or the text if there are none.
func (e *element) value() any {
	if e.parts == nil {
		return strings.TrimSpace(e.text.String())
	}
	return e.parts
}

// maxElementDepth is the maximum nesting of XML elements.
const maxElementDepth = 64

// readXML returns the content of a document: maps from names to siblings, and texts. Attributes and namespaces are ignored.
func readXML(content []byte) (any, error) {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	open := []*element{{}}
	for {
		token, err := decoder.Token()
		inner := open[len(open)-1]
		switch {
		case errors.Is(err, io.EOF) && inner.parts == nil:
			return nil, errors.New("the answer is not XML: it has no element")
		case errors.Is(err, io.EOF):
			return inner.value(), nil
		case err != nil:
			return nil, malformed("XML", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if len(open) > maxElementDepth {
				return nil, fmt.Errorf("the answer is nested more than %d levels deep", maxElementDepth)
			}
			open = append(open, &element{name: token.Name.Local})
		case xml.CharData:
			inner.text.Write(token)
		case xml.EndElement:
			open = open[:len(open)-1]
			outer := open[len(open)-1]
			if outer.parts == nil {
				outer.parts = map[string]siblings{}
			}
			outer.parts[inner.name] = append(outer.parts[inner.name], inner.value())
		}
	}
}
