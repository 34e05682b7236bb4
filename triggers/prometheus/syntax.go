package prometheus

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// checkSyntax returns the problem with a query that no server can parse, in any dialect of PromQL: an unmatched bracket, or a string that
// does not end. It returns "" for all other queries: the server reports other mistakes, because dialects differ.
func checkSyntax(query string) string {
	var open []int // The positions of the brackets that are open.
	for i := 0; i < len(query); i++ {
		switch c := query[i]; c {
		case '(', '[', '{':
			open = append(open, i)
		case ')', ']', '}':
			if len(open) == 0 {
				return fmt.Sprintf("%c at character %d has no opening bracket", c, character(query, i))
			}
			last := open[len(open)-1]
			if strings.IndexByte("([{", query[last]) != strings.IndexByte(")]}", c) {
				return fmt.Sprintf("%c at character %d does not close the %c at character %d", c, character(query, i), query[last], character(query, last))
			}
			open = open[:len(open)-1]
		case '"', '\'', '`':
			length := quotedLength(query[i:])
			if length == 0 {
				return fmt.Sprintf("the string that begins at character %d does not end", character(query, i))
			}
			i += length - 1
		case '\\':
			i++ // MetricsQL escapes characters in names.
		case '#':
			end := strings.IndexByte(query[i:], '\n')
			if end < 0 {
				end = len(query) - i
			}
			i += end
		}
	}
	if len(open) > 0 {
		last := open[len(open)-1]
		return fmt.Sprintf("%c at character %d is not closed", query[last], character(query, last))
	}
	return ""
}

// character returns the position of the byte i of query, in characters; the first one is 1.
func character(query string, i int) int { return utf8.RuneCountInString(query[:i]) + 1 }

// quotedLength returns the length of the string at the start of text, including the quotes; 0 if it does not end. Between backquotes a
// backslash has no special meaning.
func quotedLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == text[0]:
			return i + 1
		case text[i] == '\\' && text[0] != '`':
			i++
		}
	}
	return 0
}
