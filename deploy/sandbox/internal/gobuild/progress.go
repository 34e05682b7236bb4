package gobuild

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	liveEvery  = 250 * time.Millisecond
	plainEvery = 10 * time.Second
	tailLines  = 30
	barWidth   = 24
	// The speed is that of the last speedOf, because other builds on the machine begin and end. A mark is recorded every markEvery.
	speedOf, markEvery = 2 * time.Minute, 10 * time.Second
)

// progress shows how far a build is: one line that is updated on a terminal, a line every ten seconds elsewhere. It
// reads the output of the go command: a line for each module downloaded, then one for each package compiled.
type progress struct {
	out     io.Writer
	live    bool
	what    string
	start   time.Time
	stop    chan struct{}
	printer sync.WaitGroup

	mu       sync.Mutex
	rest     []byte
	lines    []string // The end of what was printed.
	modules  int
	compiled int
	current  string // The package that was begun last.
	graph    *graph // Nil while modules are downloaded.
	marks    []mark // Those of the last speedOf, oldest first, and the last one before.
}

func newProgress(out io.Writer, what string) *progress {
	p := &progress{out: out, live: Terminal(out), what: what, start: time.Now(), stop: make(chan struct{})}
	every := plainEvery
	if p.live {
		every = liveEvery
	}
	p.printer.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
				p.print()
			}
		}
	})
	return p
}

// Terminal reports whether out is a terminal.
func Terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// begin starts the progress of the compilation, after the downloads.
func (p *progress) begin(g *graph) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.graph, p.marks = g, []mark{{at: time.Now()}}
}

func (p *progress) print() {
	text := p.describe(time.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		fmt.Fprintf(p.out, "\r\x1b[K%.110s", text)
		return
	}
	fmt.Fprintln(p.out, text)
}

// line prints a line of its own.
func (p *progress) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	PrintLine(p.out, format, args...)
}

// PrintLine prints a line while a build may show its progress; on a terminal it replaces the progress, which is printed again.
func PrintLine(out io.Writer, format string, args ...any) {
	clear := ""
	if Terminal(out) {
		clear = "\r\x1b[K"
	}
	fmt.Fprintf(out, clear+format+"\n", args...)
}

// describe is the line that is shown at an instant.
func (p *progress) describe(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	elapsed := now.Sub(p.start).Round(time.Second)
	if p.graph == nil {
		return fmt.Sprintf("%s: downloading, %d modules, %s", p.what, p.modules, elapsed)
	}
	share := p.graph.share()
	text := fmt.Sprintf("%s %3.0f%% %s, %s", bar(share), 100*share, p.what, elapsed)
	if left := p.graph.remaining(p.mark(now), now); left > 0 {
		text += fmt.Sprintf(", about %s left", left)
	}
	if p.current != "" {
		text += ": " + p.current
	}
	return text
}

// mark returns since when the speed is measured at an instant; the caller holds mu.
func (p *progress) mark(now time.Time) mark {
	if now.Sub(p.marks[len(p.marks)-1].at) >= markEvery {
		p.marks = append(p.marks, mark{now, p.graph.compiled})
	}
	for len(p.marks) > 1 && now.Sub(p.marks[1].at) >= speedOf {
		p.marks = p.marks[1:]
	}
	return p.marks[0]
}

func bar(share float64) string {
	full := min(barWidth, int(share*barWidth))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}

// Write reads the output of the go command.
func (p *progress) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, data...)
	for {
		line, rest, found := bytes.Cut(p.rest, []byte("\n"))
		if !found {
			return len(data), nil
		}
		p.rest = rest
		p.read(string(line))
	}
}

// read reads one line; the caller must hold mu.
func (p *progress) read(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		p.modules++
		return
	case p.graph != nil && p.graph.packages[line] != nil:
		p.graph.started(line)
		p.compiled++
		p.current = line
		return
	}
	p.lines = append(p.lines, line)
	p.lines = p.lines[max(0, len(p.lines)-tailLines):]
}

// last is the last error that the go command printed.
func (p *progress) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lines) == 0 {
		return "the go command did not say why"
	}
	return p.lines[len(p.lines)-1]
}

// tail returns the end of the go command's error output.
func (p *progress) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(append(p.lines, string(p.rest)), "\n")
}

// done prints the time that it took, if anything was compiled.
func (p *progress) done() {
	p.mu.Lock()
	compiled := p.compiled
	p.mu.Unlock()
	if compiled == 0 {
		return
	}
	p.line("built %s: %d packages compiled in %s", p.what, compiled, time.Since(p.start).Round(100*time.Millisecond))
}

// end stops the output.
func (p *progress) end() {
	close(p.stop)
	p.printer.Wait()
	if p.live {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
