package diag

import (
	"fmt"
	"strings"
)

// Suggest returns the suggestion for an unknown word: the known name that it resembles, or all known names.
func Suggest(word string, known []string) string {
	if name := Nearest(word, known); name != "" {
		return DidYouMean(name)
	}
	return "known are " + strings.Join(known, ", ")
}

// DidYouMean returns the suggestion of one name.
func DidYouMean(name string) string { return fmt.Sprintf("did you mean %q?", name) }

// Nearest returns the known name that a word resembles most, or "" when it resembles none. Case does not count.
func Nearest(word string, names []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < least && d < len(name) {
			best, least = name, d
		}
	}
	if best == "" {
		return longestPrefix(word, names)
	}
	return best
}

// Misspelt returns the known name that differs from a word by one letter, by the order of two, or only by case; "" if there is none.
func Misspelt(word string, names []string) string {
	for _, name := range names {
		if distance(strings.ToLower(word), strings.ToLower(name)) <= 1 {
			return name
		}
	}
	return ""
}

// longestPrefix returns the name that shares the longest prefix with word, such as minReplicaCount for minReplicas, or "" if that has
// less than five bytes or two thirds of word.
func longestPrefix(word string, names []string) string {
	best, most := "", max(5, len(word)*2/3)-1
	for _, name := range names {
		if n := commonPrefix(strings.ToLower(word), strings.ToLower(name)); n > most {
			best, most = name, n
		}
	}
	return best
}

// commonPrefix returns the length of the longest common prefix of two words.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// distance returns the edit distance of two words: the number of letters to insert, delete, replace or swap with a neighbor. Words
// longer than 64 bytes count as unlike.
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
