package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/impulse-sh/impulse/internal/printable"
)

// barAfter is how long work has to take until a bar is shown.
const barAfter = 300 * time.Millisecond

// progress is a bar on a terminal, and nothing anywhere else.
type progress struct {
	out   io.Writer
	began time.Time
	shown bool
}

// progressOn returns a bar on out, when that is a terminal.
func progressOn(out io.Writer) *progress {
	p := &progress{began: time.Now()}
	if w, ok := out.(*printable.Writer); ok {
		out = w.To // The bar moves by control characters of its own.
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.out = out
	}
	return p
}

// show shows how far the work is, from 0 to 1.
func (p *progress) show(what string, done float64) {
	if p.out == nil || time.Since(p.began) < barAfter {
		return
	}
	const width = 30
	full := min(max(int(done*width), 0), width)
	p.shown = true
	fmt.Fprintf(p.out, "\r\x1b[K%s [%s%s] %3.0f%%", what, strings.Repeat("=", full), strings.Repeat(" ", width-full), 100*done)
}

// clear takes the bar away.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
