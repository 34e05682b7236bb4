package triggers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxNesting is the maximum nesting of a message.
const maxNesting = 64

var (
	errNotUTF8 = errors.New("it is not UTF-8")
	errNested  = fmt.Errorf("it is nested more than %d levels deep", maxNesting)
	errTrails  = errors.New("there is more text after the JSON value")
)

// DecodeJSON decodes an untrusted message like encoding/json does into an any with UseNumber. It refuses input that could be read in
// two ways or is expensive: an object with the same key twice, text that is not UTF-8, more than 64 levels of nesting, and anything
// after the value.
func DecodeJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errNotUTF8
	}
	d := decoder{json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	value, err := d.value(0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("byte %d: %w", d.InputOffset(), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("byte %d: %w", d.InputOffset(), errTrails)
	}
	return value, nil
}

// decoder reads values token by token.
type decoder struct{ *json.Decoder }

// value reads one value at the given depth of nesting.
func (d decoder) value(depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth >= maxNesting {
		return nil, errNested
	}
	if delim == '[' {
		return d.list(depth + 1)
	}
	return d.object(depth + 1)
}

func (d decoder) list(depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func (d decoder) object(depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // The decoder accepts nothing else here.
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("an object has the key %.100q twice", key)
		}
		if object[key], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}
