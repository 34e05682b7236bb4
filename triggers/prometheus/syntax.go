package prometheus

import (
	"fmt"
	"strings"
)

// unfinished returns what is wrong with a query that no server can parse, in whatever dialect of PromQL: a bracket that has no
// partner, or a string that does not end; "" for one that may well be right. All else is for the server to say: dialects differ.
func unfinished(query string) string {
	var open []int // Where brackets are that are still open.
	for i := 0; i < len(query); i++ {
		switch c := query[i]; c {
		case '(', '[', '{':
			open = append(open, i)
		case ')', ']', '}':
			if len(open) == 0 {
				return fmt.Sprintf("%c at character %d opens nowhere", c, i+1)
			}
			last := open[len(open)-1]
			if strings.IndexByte("([{", query[last]) != strings.IndexByte(")]}", c) {
				return fmt.Sprintf("%c at character %d does not close the %c at character %d", c, i+1, query[last], last+1)
			}
			open = open[:len(open)-1]
		case '"', '\'', '`':
			length := quoted(query[i:])
			if length == 0 {
				return fmt.Sprintf("the string that begins at character %d does not end", i+1)
			}
			i += length - 1
		case '\\':
			i++ // MetricsQL escapes characters of names.
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
		return fmt.Sprintf("%c at character %d is not closed", query[last], last+1)
	}
	return ""
}

// quoted is the length of the string that text begins with, quotes included; 0 when it does not end. Between backquotes a
// backslash is a character like any other.
func quoted(text string) int {
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
