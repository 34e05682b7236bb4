package v1alpha1

import (
	"encoding/json"
	"strings"
)

// Scalar is a value of trigger metadata: a string, a number or a boolean, kept as the text the user wrote.
type Scalar string

// notScalar marks a value of another type, so that one mistaken object does not make a whole list undecodable.
const notScalar = "\x00"

// UnmarshalJSON takes a string, a number or a boolean as text. Anything else is kept and reported by Text.
func (s *Scalar) UnmarshalJSON(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		*s = Scalar(v)
	case float64, bool:
		*s = Scalar(text)
	default:
		*s = Scalar(notScalar + string(text))
	}
	return nil
}

// Text returns the value as text; ok is false when it is neither a string nor a number nor a boolean.
func (s Scalar) Text() (text string, ok bool) {
	other, bad := strings.CutPrefix(string(s), notScalar)
	return other, !bad
}
