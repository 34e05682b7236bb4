package testkit

import (
	"os"
	"strings"
	"testing"
)

// Fenced returns the blocks of a Markdown file whose fence has a text, such as sh. It fails the test if there is none.
func Fenced(tb testing.TB, path, fence string) []string {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var all []string
	for _, part := range strings.Split("\n"+string(content), "\n```"+fence+"\n")[1:] {
		text, _, _ := strings.Cut(part, "\n```")
		all = append(all, text)
	}
	if len(all) == 0 {
		tb.Fatalf("%s has no block of %s", path, fence)
	}
	return all
}
