// Package printable makes text from outside safe to print. A label of an alert, an answer of a server or a key in a file may contain
// control characters that a terminal interprets, newlines that forge a line of a log, or bidirectional controls that change the order
// in which a text is displayed. All of them, and bytes that are not UTF-8, are replaced by their escapes in JSON and Go, such as \n,
// \u001b and \u202e. Printable characters are those of unicode.IsPrint, as in strconv.Quote.
package printable
