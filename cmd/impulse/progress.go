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

// barAfter is the time after which the bar appears.
const barAfter = 300 * time.Millisecond

// progress is a progress bar. It writes nothing unless the output is a terminal.
type progress struct {
	out   io.Writer
	began time.Time
	shown bool
}

// progressOn returns a progress bar on out.
func progressOn(out io.Writer) *progress {
	p := &progress{began: time.Now()}
	if w, ok := out.(*printable.Writer); ok {
		out = w.To // The bar itself uses control characters.
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.out = out
	}
	return p
}

// show updates the bar; done is from 0 to 1.
func (p *progress) show(what string, done float64) {
	if p.out == nil || time.Since(p.began) < barAfter {
		return
	}
	const width = 30
	full := min(max(int(done*width), 0), width)
	p.shown = true
	fmt.Fprintf(p.out, "\r\x1b[K%s [%s%s] %3.0f%%", what, strings.Repeat("=", full), strings.Repeat(" ", width-full), 100*done)
}

// clear removes the bar.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
