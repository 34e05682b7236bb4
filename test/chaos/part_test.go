package chaos

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// part is a program that the plan kills, pauses and starts again, always with the same arguments and folder.
type part struct {
	t      *testing.T
	name   string
	binary string
	args   []string
	dir    string

	mu      sync.Mutex
	process *process.Process
	runs    int
	logs    []string
}

func (e *env) part(name, binary string, args ...string) *part {
	e.t.Helper()
	p := &part{t: e.t, name: name, binary: binary, args: args, dir: e.dir}
	e.t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.process != nil {
			p.process.Kill()
		}
	})
	return p
}

// start starts the program, for the first time or after it was killed.
func (p *part) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs++
	child, err := process.Start(ctx, p.dir, fmt.Sprintf("%s.%d", p.name, p.runs), p.binary, p.args...)
	if err != nil {
		return err
	}
	p.process = child
	p.logs = append(p.logs, child.LogPath())
	return nil
}

// kill ends the program as a crash does.
func (p *part) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.process.Kill()
}

func (p *part) pause() error  { return p.signal(syscall.SIGSTOP) }
func (p *part) resume() error { return p.signal(syscall.SIGCONT) }

func (p *part) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.process.Signal(s)
}

// stop sends SIGTERM, and returns the error of the exit code.
func (p *part) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	began := time.Now()
	p.process.Stop()
	if err := p.process.Wait(); err != nil {
		return fmt.Errorf("%s ended after %s: %w", p.name, time.Since(began).Round(time.Millisecond), err)
	}
	return nil
}

// fatalMessage matches messages that no log may have.
var fatalMessage = regexp.MustCompile(`(?m)^(panic:|fatal error:|goroutine \d+ \[|WARNING: DATA RACE).*$|panic recovered|http: panic`)

// fatalMessages returns the lines of the logs that match fatalMessage.
func (p *part) fatalMessages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, path := range p.logs {
		content, err := os.ReadFile(path)
		if err != nil {
			return append(all, err.Error())
		}
		if found := fatalMessage.Find(content); found != nil {
			all = append(all, fmt.Sprintf("%s: %s", path, found))
		}
	}
	return all
}
