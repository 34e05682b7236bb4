package diag

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/internal/printable"
)

// Error is one mistake, or with Warning set a setting that is valid but probably unintended. Everything but Problem may be missing.
type Error struct {
	// File is the path of the file, or "-" for standard input. Line and Column count from 1; 0 means unknown.
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Object is "kind namespace/name".
	Object string `json:"object,omitempty"`
	// Field is the path within the object, such as spec.triggers[0].metadata.threshold. In an error of package triggers it is
	// only the key, such as threshold: the caller adds the path.
	Field string `json:"field,omitempty"`
	// Problem is a phrase about the field: "is required".
	Problem string `json:"problem"`
	// Suggestion is a phrase that names a correction: `did you mean "threshold"?`.
	Suggestion string `json:"suggestion,omitempty"`
	// Warning marks an object that works all the same.
	Warning bool `json:"warning,omitempty"`
}

// Printable returns the error with texts that are safe to print, each in one line: they may quote the file.
func (e Error) Printable() Error {
	for _, text := range []*string{&e.File, &e.Object, &e.Field, &e.Problem, &e.Suggestion} {
		*text = printable.Line(*text, printable.Longest)
	}
	return e
}

// MarshalJSON returns the error with texts that are safe to print.
func (e Error) MarshalJSON() ([]byte, error) {
	type plain Error
	return json.Marshal(plain(e.Printable()))
}

// Error returns the error in one line, in the format of compilers: "file:line:column: field: problem (suggestion)".
func (e Error) Error() string {
	e = e.Printable()
	var out strings.Builder
	if e.File != "" {
		out.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&out, ":%d:%d", e.Line, e.Column)
		}
		out.WriteString(": ")
	}
	if e.Warning {
		out.WriteString("warning: ")
	}
	if e.Field != "" {
		out.WriteString(e.Field + ": ")
	}
	out.WriteString(e.Problem)
	if e.Suggestion != "" {
		out.WriteString(" (" + e.Suggestion + ")")
	}
	return out.String()
}
