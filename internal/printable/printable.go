package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Longest is the usual bound of a sentence, in bytes: that of the note of a Kubernetes Event.
const Longest = 1024

// Line returns text in one line: all characters that are not printable are escaped, including line breaks and tabs. A line of more than
// limit bytes is cut between two characters, and ends with an ellipsis.
func Line(text string, limit int) string {
	if len(text) <= limit && allPrintable(text, "") {
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

// Lines reports whether all characters of text are printable, line breaks or tabs.
func Lines(text string) bool { return allPrintable(text, "\n\t") }

// allPrintable reports whether every character of text is printable or allowed.
func allPrintable(text, allowed string) bool {
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if !isPrintable(r, size) && !strings.ContainsRune(allowed, r) {
			return false
		}
		rest = rest[size:]
	}
	return true
}

// isPrintable reports whether a character is printable. A replacement character of one byte stands for a byte that is not UTF-8.
func isPrintable(r rune, size int) bool {
	return unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)
}

// escape appends a character, or its escape if it is not printable.
func escape(out []byte, r rune, size int) []byte {
	switch {
	case isPrintable(r, size):
		return utf8.AppendRune(out, r)
	case r == '\n':
		return append(out, `\n`...)
	case r == '\r':
		return append(out, `\r`...)
	case r == '\t':
		return append(out, `\t`...)
	case r > 0xffff: // Escapes in JSON have four digits.
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	default:
		return fmt.Appendf(out, `\u%04x`, r)
	}
}

// Writer escapes what a command prints, except for line breaks and tabs. JSON keeps its meaning, because only strings contain such
// characters. A Writer is not safe for concurrent use.
type Writer struct {
	// To receives the escaped text.
	To io.Writer

	// begun is an incomplete character at the end of what was written.
	begun []byte
}

// NewWriter returns a Writer to to.
func NewWriter(to io.Writer) *Writer { return &Writer{To: to} }

// Write writes text. An incomplete character at its end is written once it is complete.
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
