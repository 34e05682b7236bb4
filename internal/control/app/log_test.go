package app

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/printable"
)

func TestLog(t *testing.T) {
	t.Run("text of a source is escaped in the log", testTextOfSourceIsEscapedInLog)
}

func testTextOfSourceIsEscapedInLog(t *testing.T) {
	const hostile = "x\x1b[2J\nforged\u202e\u009b31m\r\a"
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		o := Defaults()
		o.LogFormat, o.LogTo = format, &out
		log, err := o.logger()
		if err != nil {
			t.Fatal(err)
		}
		log.Warn("condition changed", "why", hostile)
		if text := out.String(); !printable.Lines(text) || strings.Count(text, "\n") != 1 || !strings.Contains(text, "forged") {
			t.Errorf("as %s, got the log %q, want one printable line", format, text)
		}
		if format != "json" {
			continue
		}
		var line struct{ Why string }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Why != hostile {
			t.Errorf("decoding the log: got %q and error %v, want %q", line.Why, err, hostile)
		}
	}
}
