package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// killedWithin is how long the guard waits for the exit of the programs that it killed.
const killedWithin = 5 * time.Second

// Guard is a second process that outlives this one by a moment. It is notified of every start and exit of a program; when this
// process dies without Dismiss, by SIGKILL for example, it kills the remaining programs and cleans up.
type Guard struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	pipe io.WriteCloser
}

// StartGuard runs executable with args, which must call Watch. The guard shares lock, so that the lock is free only when
// both are gone.
func StartGuard(lock *os.File, executable string, args ...string) (*Guard, error) {
	cmd := exec.Command(executable, args...) //nolint:noctx // It ends after this process does.
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe to the guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return &Guard{cmd: cmd, pipe: pipe}, nil
}

func (g *Guard) watch(pid int)  { g.send("+ " + strconv.Itoa(pid)) }
func (g *Guard) forget(pid int) { g.send("- " + strconv.Itoa(pid)) }

func (g *Guard) send(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, _ = io.WriteString(g.pipe, line+"\n") // Without a guard the kernel and this process still do their part.
}

// Dismiss ends the guard, which then neither kills nor removes anything: the caller has done both.
func (g *Guard) Dismiss() error {
	g.send("bye")
	if err := errors.Join(g.pipe.Close(), g.cmd.Wait()); err != nil {
		return fmt.Errorf("dismiss the guard: %w", err)
	}
	return nil
}

// Watch is the guard's own side: it reads notifications until the pipe breaks, then kills the remaining programs. It returns true when
// it was dismissed instead.
func Watch(ctx context.Context, notifications io.Reader) bool {
	watched := map[int]bool{}
	lines := bufio.NewScanner(notifications)
	for lines.Scan() {
		verb, number, _ := strings.Cut(lines.Text(), " ")
		if verb == "bye" {
			return true
		}
		pid, err := strconv.Atoi(number)
		if err != nil || pid <= 1 {
			continue
		}
		watched[pid] = verb == "+"
	}
	for pid, alive := range watched {
		if alive {
			_ = syscall.Kill(-pid, syscall.SIGKILL) // They may have exited already.
		}
	}
	for pid, alive := range watched {
		if alive {
			awaitGone(ctx, pid)
		}
	}
	return false
}

// awaitGone returns when no process of the group is left, or it has waited long enough.
func awaitGone(ctx context.Context, pid int) {
	ctx, cancel := context.WithTimeout(ctx, killedWithin)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH) {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}
