package main

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestUninstall(t *testing.T) {
	t.Run("only yes confirms", testOnlyYesConfirms)
}

func testOnlyYesConfirms(t *testing.T) {
	for answer, want := range map[string]error{"y\n": nil, " YES \r\n": nil, "n\n": errDeclined, "\n": errDeclined, "": errDeclined, "yesterday\n": errDeclined} {
		if err := confirm(t.Context(), strings.NewReader(answer), io.Discard); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", answer, err, want)
		}
	}
}
