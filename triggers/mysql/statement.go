package mysql

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// statements are the first words of queries that a read-only transaction keeps from writing. Others may end the transaction first: CALL,
// BEGIN NOT ATOMIC, and in MariaDB also CREATE, DROP and TRUNCATE.
var statements = []string{"SELECT", "WITH", "VALUES", "TABLE", "SHOW"}

// checkQuery returns the problem with a query that does not begin with one of statements.
func checkQuery(query string) string {
	rest := strings.TrimLeft(query, "( \t\r\n")
	for rest != "" {
		next := skipComment(rest)
		if next == rest {
			break
		}
		rest = strings.TrimLeft(next, "( \t\r\n")
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) && r != '_' })
	if end < 0 {
		end = len(rest)
	}
	word := strings.ToUpper(rest[:end])
	switch {
	case strings.ContainsRune(query, 0):
		return "has a NUL character" // A comment may end there.
	case slices.Contains(statements, word):
		return ""
	case rest == "":
		return "" // The decoder reports an empty one. A comment alone is refused by the server.
	case word == "":
		return "does not begin with a word"
	}
	return fmt.Sprintf("begins with %.20s: it must be one of %s", word, strings.Join(statements, ", "))
}

// skipComment returns a query without the comment at its beginning, if there is one. A comment that a server executes (/*! or /*M!) is none.
func skipComment(query string) string {
	var end string
	switch {
	case strings.HasPrefix(query, "/*!"), strings.HasPrefix(query, "/*M!"):
		return query
	case strings.HasPrefix(query, "/*"):
		end = "*/"
	case strings.HasPrefix(query, "#"), strings.HasPrefix(query, "--"):
		end = "\n"
	default:
		return query
	}
	_, rest, _ := strings.Cut(query, end)
	return rest
}
