package printable

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	t.Run("unprintable characters are escaped as in JSON", testUnprintableCharactersAreEscapedAsInJSON)
	t.Run("a long line is cut between characters", testLongLineIsCutBetweenCharacters)
	t.Run("a writer passes lines, tabs and split characters", testWriterPassesLinesTabsAndSplitCharacters)
	t.Run("an error of the writer is returned", testErrorOfWriterIsReturned)
	t.Run("JSON through the writer has the same meaning", testJSONThroughWriterHasSameMeaning)
}

func testUnprintableCharactersAreEscapedAsInJSON(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"queue 240 → 12 ≥ 3 …":   "queue 240 → 12 ≥ 3 …",
		"a\nb\tc\rd":             `a\nb\tc\rd`,
		"\x1b[31mred\x1b[0m":     `\u001b[31mred\u001b[0m`,
		"bell\a nul\x00 del\x7f": `bell\u0007 nul\u0000 del\u007f`,
		"c1 \u009b31m":           `c1 \u009b31m`,
		"user\u202egnp.exe":      `user\u202egnp.exe`,
		"\u2066isolated\u2069":   `\u2066isolated\u2069`,
		"line\u2028paragraph":    `line\u2028paragraph`,
		"not \xff\xfe UTF-8":     `not \ufffd\ufffd UTF-8`,
		"a real \ufffd":          "a real \ufffd",
		"a tag \U000e0041":       `a tag \udb40\udc41`,
		`a regexp \d+`:           `a regexp \d+`,
	} {
		if got := Line(text, Longest); got != want {
			t.Errorf("Line(%q) = %q, want %q", text, got, want)
		}
	}
}

func testLongLineIsCutBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"12345", 5, "12345"},
		{"123456", 5, "12345…"},
		{"ééé", 5, "éé…"},
		{"123\x1b", 5, "123…"},
		{strings.Repeat("x", 1<<20), 3, "xxx…"},
	} {
		if got := Line(c.text, c.limit); got != c.want {
			t.Errorf("%.20q in %d bytes is %q, want %q", c.text, c.limit, got, c.want)
		}
	}
}

func testWriterPassesLinesTabsAndSplitCharacters(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, piece := range []string{"one\ttwo\n", "\xe2", "\x86\x92 three\x1b[2J", "", "\xe2\x80", "\xaefour\n", "\xff\n"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write(%q) = %d, %v; want all of it", piece, n, err)
		}
	}
	if got, want := out.String(), "one\ttwo\n→ three\\u001b[2J\\u202efour\n\\ufffd\n"; got != want {
		t.Errorf("written is %q, want %q", got, want)
	}
}

// failingWriter is a writer that fails.
type failingWriter struct{}

var errBroken = errors.New("the pipe is broken")

// Write fails.
func (failingWriter) Write([]byte) (int, error) { return 0, errBroken }

func testErrorOfWriterIsReturned(t *testing.T) {
	if n, err := NewWriter(failingWriter{}).Write([]byte("text")); n != 0 || !errors.Is(err, errBroken) {
		t.Errorf("Write = %d, %v; want 0 and %v", n, err, errBroken)
	}
}

func testJSONThroughWriterHasSameMeaning(t *testing.T) {
	want := "a\nb\x1b\u009b\u202e\u2028\U000e0041\x7f"
	var out bytes.Buffer
	encoder := json.NewEncoder(NewWriter(&out))
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(want); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != want {
		t.Errorf("%s decodes to %q, %v; want %q", out.Bytes(), got, err, want)
	}
	if !Lines(out.String()) {
		t.Errorf("%q does not print", out.String())
	}
}

func FuzzALinePrintsAndIsBounded(f *testing.F) {
	for _, seed := range []string{"", "plain", "\x1b]0;title\a", "\xf0\x9f", "\u202e", "a\nb"} {
		f.Add(seed, 10)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 0), 1<<16)
		got := Line(text, limit)
		if len(got) > limit+len("…") || !utf8.ValidString(got) {
			t.Errorf("%q in %d bytes is %q", text, limit, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q has %q in it", got, r)
			}
		}
		if len(got) <= limit && Line(got, limit) != got {
			t.Errorf("%q is changed by a second call", got)
		}
	})
}
