package triggers

import (
	"errors"
	"strings"
)

// FieldError is one mistake in the metadata of a trigger.
type FieldError struct {
	// Field is the key, such as "threshold"; the caller says where the metadata stands.
	Field string
	// Problem says what is wrong with it: "is required".
	Problem string
	// Suggestion is what to write or do instead, as a phrase: `did you mean "threshold"?`; "" when there is none.
	Suggestion string
}

// Error returns the mistake in one line.
func (e *FieldError) Error() string {
	text := e.Field + ": " + e.Problem
	if e.Suggestion != "" {
		text += " (" + e.Suggestion + ")"
	}
	return text
}

// FieldErrors returns every FieldError that err joins or wraps, in order.
func FieldErrors(err error) []*FieldError {
	var all []*FieldError
	for _, e := range flatten(err) {
		if field, ok := errors.AsType[*FieldError](e); ok {
			all = append(all, field)
		}
	}
	return all
}

// flatten returns the errors that err joins, however deep, or err itself; nothing for nil.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// Nearest returns the name that word was most likely meant to be, or "" when it resembles none.
func Nearest(word string, names []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < least && d < len(name) {
			best, least = name, d
		}
	}
	if best == "" {
		return begun(word, names)
	}
	return best
}

// begun returns the name that begins as two thirds of word do, such as minReplicaCount for minReplicas, or "".
func begun(word string, names []string) string {
	best, most := "", max(5, len(word)*2/3)-1
	for _, name := range names {
		if n := sameBeginning(strings.ToLower(word), strings.ToLower(name)); n > most {
			best, most = name, n
		}
	}
	return best
}

// sameBeginning counts the letters that two words begin with alike.
func sameBeginning(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// distance counts the letters to insert, delete, replace or swap with their neighbour that make b of a.
func distance(a, b string) int {
	const most = 64
	if len(a) > most || len(b) > most {
		return most
	}
	var rows [most + 1][most + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		rows[i][0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
