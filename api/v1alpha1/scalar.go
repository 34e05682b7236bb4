package v1alpha1

import (
	"encoding/json"
	"strings"
)

// Scalar is a value of trigger metadata: a string, a number or a boolean, as the text that the user wrote.
type Scalar string

// notScalar marks a value of another type. Such a value is not a decoding error, so that one invalid object does not make a list of
// objects unreadable.
const notScalar = "\x00"

// UnmarshalJSON accepts any value. Text reports a value that is not a string, a number or a boolean.
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

// Text returns the value as text; ok is false if it is not a string, a number or a boolean.
func (s Scalar) Text() (text string, ok bool) {
	other, bad := strings.CutPrefix(string(s), notScalar)
	return other, !bad
}
