// Package printable makes text from outside safe to show. A label of an alert, an answer of a server or a key in a file may hold
// control characters that a terminal interprets, newlines that forge a line of a log, or bidirectional controls that show a text in
// another order than it has. All of them, and bytes that are not UTF-8, are replaced by the escape that JSON and Go have for
// them, such as \n, \u001b and \u202e. A character prints if unicode.IsPrint says so, as in strconv.Quote.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Longest is a bound for a sentence, in bytes: that of the note of an Event.
const Longest = 1024

// Line returns text in one line: everything that does not print is escaped, line breaks and tabs included. What would be longer
// than limit bytes is cut off between two characters, with an ellipsis.
func Line(text string, limit int) string {
	if len(text) <= limit && printsIn(text, "") {
		return text
	}
	out := make([]byte, 0, min(len(text), limit)+utf8.UTFMax)
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		whole := len(out)
		if out = escape(out, r, size); len(out) > limit {
			return string(out[:whole]) + "…"
		}
		rest = rest[size:]
	}
	return string(out)
}

// Lines reports whether text, of one or more lines, prints as it is.
func Lines(text string) bool { return printsIn(text, "\n\t") }

// printsIn reports whether every character of text prints or is one of those that are allowed.
func printsIn(text, allowed string) bool {
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if !prints(r, size) && !strings.ContainsRune(allowed, r) {
			return false
		}
		rest = rest[size:]
	}
	return true
}

// prints reports whether a character prints. One of a single byte that is the replacement character is no UTF-8.
func prints(r rune, size int) bool {
	return unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)
}

// escape appends a character, or the escape of one that does not print.
func escape(out []byte, r rune, size int) []byte {
	switch {
	case prints(r, size):
		return utf8.AppendRune(out, r)
	case r == '\n':
		return append(out, `\n`...)
	case r == '\r':
		return append(out, `\r`...)
	case r == '\t':
		return append(out, `\t`...)
	case r > 0xffff: // JSON has no longer escape than four digits.
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	default:
		return fmt.Appendf(out, `\u%04x`, r)
	}
}

// Writer is what a command prints to: line breaks and tabs pass, and everything else that does not print is escaped. JSON stays
// the same JSON, because within a string an escape means what it stands for. It is not safe for concurrent use.
type Writer struct {
	// To is where the text goes.
	To io.Writer

	// begun is the beginning of a character whose end has not been written yet.
	begun []byte
}

// NewWriter returns a Writer to another one.
func NewWriter(to io.Writer) *Writer { return &Writer{To: to} }

// Write writes text. The beginning of a character at its end waits for the rest.
func (w *Writer) Write(text []byte) (int, error) {
	rest := text
	if len(w.begun) > 0 {
		rest = append(w.begun, text...)
		w.begun = nil
	}
	out := make([]byte, 0, len(rest))
	for len(rest) > 0 {
		if !utf8.FullRune(rest) {
			w.begun = append(w.begun, rest...)
			break
		}
		r, size := utf8.DecodeRune(rest)
		if r == '\n' || r == '\t' {
			out = append(out, byte(r))
		} else {
			out = escape(out, r, size)
		}
		rest = rest[size:]
	}
	if _, err := w.To.Write(out); err != nil {
		return 0, err
	}
	return len(text), nil
}
