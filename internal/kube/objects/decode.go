package objects

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Decode decodes an object of a dynamic client as JSON. The converter of unstructured objects cannot be used for Impulse's: it does not ask the
// metadata of triggers, which are text, to decode a number (k8s.io/apimachinery v0.37).
func Decode(from *unstructured.Unstructured, to any) error {
	text, err := from.MarshalJSON()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
