#!/usr/bin/env bash
# apimachinery 0.37.2: runtime.DefaultUnstructuredConverter does not call UnmarshalJSON of a type whose kind is string, if the value is a number.
#
# Expected: the same object from the same bytes as encoding/json, since the converter knows json.Unmarshaler and calls it for other types.
# Actual: Go can convert an int64 to a string type, so the converter takes the value for a simple one before it looks for UnmarshalJSON, and then
# fails: "cannot convert int64 to main.Text". A struct with UnmarshalJSON works, and so does a bool, which Go cannot convert. So an API
# type that accepts 100 and "100" works with every typed client, and fails for whoever reads it with a dynamic client.
# Workaround: encode the object as JSON and decode that; or make the type a struct, as IntOrString is.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
go mod init example.com/finding 2>/dev/null
go get k8s.io/apimachinery@v0.37.2 2>/dev/null
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// Text is a text that may be written as a number or a boolean.
type Text string

func (t *Text) UnmarshalJSON(b []byte) error {
	*t = Text(strings.Trim(string(b), `"`))
	return nil
}

type object struct {
	Threshold Text `json:"threshold"`
}

func main() {
	log.SetFlags(0)
	var failure error
	for _, text := range []string{`{"threshold": "100"}`, `{"threshold": true}`, `{"threshold": 100}`} {
		var typed, converted object
		if err := json.Unmarshal([]byte(text), &typed); err != nil {
			log.Fatal(err)
		}
		// A dynamic client decodes whole numbers as int64.
		values := map[string]any{"threshold": map[string]any{`"100"`: "100", "true": true, "100": int64(100)}[strings.TrimSuffix(text[14:], "}")]}
		failure = runtime.DefaultUnstructuredConverter.FromUnstructured(values, &converted)
		fmt.Printf("%-22s encoding/json: %q, converter: %q, %v\n", text, typed.Threshold, converted.Threshold, failure)
	}
	if failure == nil || failure.Error() != "cannot convert int64 to main.Text" {
		log.Fatal("the behaviour has changed")
	}
}
GO
go mod tidy 2>/dev/null
go run .
