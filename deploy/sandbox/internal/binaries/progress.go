package binaries

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
)

// progress tells a reader what is being built and for how long: one line kept up to date on a terminal, a line every ten
// seconds elsewhere.
type progress struct {
	out   io.Writer
	live  bool
	total int
	start time.Time
}

func newProgress(out io.Writer, total int) *progress {
	return &progress{out: out, live: terminal(out), total: total, start: time.Now()}
}

func terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *progress) line(format string, args ...any) {
	fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *progress) elapsed() time.Duration { return time.Since(p.start).Round(time.Second) }

// step is the build of one program. It reads what the go command prints: one line per package compiled.
type step struct {
	all    *progress
	number int
	what   string
	start  time.Time
	done   chan struct{}
	told   sync.WaitGroup

	mu       sync.Mutex
	rest     []byte
	packages int
	last     []string
}

func (p *progress) begin(number int, what string) *step {
	s := &step{all: p, number: number, what: what, start: time.Now(), done: make(chan struct{})}
	every := plainEvery
	if p.live {
		every = liveEvery
	} else {
		p.line("%s", s.describe())
	}
	s.told.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-s.done:
				return
			case <-ticker.C:
				s.tell()
			}
		}
	})
	return s
}

func (s *step) tell() {
	if s.all.live {
		fmt.Fprintf(s.all.out, "\r\x1b[K%.110s", s.describe())
		return
	}
	s.all.line("%s", s.describe())
}

func (s *step) describe() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("building %s (%d of %d), %s, %s in all", s.what, s.number, s.all.total,
		time.Since(s.start).Round(time.Second), s.all.elapsed())
	if len(s.last) > 0 {
		text += fmt.Sprintf(", %d packages, %s", s.packages, s.last[len(s.last)-1])
	}
	return text
}

// Write takes the output of the go command.
func (s *step) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, data...)
	for {
		line, rest, found := bytes.Cut(s.rest, []byte("\n"))
		if !found {
			return len(data), nil
		}
		s.rest = rest
		s.last = append(s.last, string(line))
		s.last = s.last[max(0, len(s.last)-tailLines):]
		if !bytes.HasPrefix(line, []byte("go: ")) && !bytes.HasPrefix(line, []byte("#")) {
			s.packages++
		}
	}
}

// tail is the end of what the go command printed.
func (s *step) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(append(s.last, string(s.rest)), "\n")
}

func (s *step) end(err error) {
	close(s.done)
	s.told.Wait()
	outcome := "built"
	if err != nil {
		outcome = "gave up building"
	}
	if s.all.live {
		fmt.Fprint(s.all.out, "\r\x1b[K")
	}
	s.all.line("%s %s (%d of %d) in %s", outcome, s.what, s.number, s.all.total, time.Since(s.start).Round(100*time.Millisecond))
}
