// Package process runs programs that cannot outlive the process that started them.
package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spec is how to run one program.
type Spec struct {
	Name string
	Path string
	Args []string
	Env  []string // All of its environment: nothing is inherited.
	Dir  string   // Its working folder.
	Log  string   // The file its output is appended to.
}

// tailLines is the number of lines that are shown of the log of a program that exited by itself.
const tailLines = 25

// ExitError reports that a program exited without a Stop.
type ExitError struct {
	Name string
	Err  error  // How it ended; nil when it left with status 0.
	Tail string // The end of its log.
}

func (e *ExitError) Error() string {
	how := "exit status 0"
	if e.Err != nil {
		how = e.Err.Error()
	}
	return fmt.Sprintf("%s ended by itself (%s); the end of its log:\n%s", e.Name, how, e.Tail)
}

func (e *ExitError) Unwrap() error { return e.Err }

// State is the state of a program.
type State string

// The states of a program.
const (
	Running State = "running"
	Paused  State = "paused"  // Stopped by SIGSTOP: it keeps its connections and answers nothing.
	Stopped State = "stopped" // Ended after a request to stop.
	Exited  State = "exited"  // Ended by itself.
)

// Status is the state of one program.
type Status struct {
	Name  string    `json:"name"`
	State State     `json:"state"`
	PID   int       `json:"pid,omitempty"`
	Since time.Time `json:"since"` // When State began.
	Log   string    `json:"log"`
}

// process is one run of a program. Its state is the Group's to change.
type process struct {
	spec  Spec
	cmd   *exec.Cmd
	done  chan struct{} // Closed when it has ended.
	state State
	since time.Time
	exit  *ExitError // How it ended, when by itself.
}

// Group owns running programs. Each runs in a process group of its own, so that the terminal's Ctrl-C reaches only the
// group's owner; on Linux the kernel kills each when the owner dies, and everywhere the Guard does.
type Group struct {
	guard *Guard
	spawn chan func() // Served by one locked thread: the kernel's death signal is bound to the thread that forks.
	exits chan *ExitError
	ended sync.WaitGroup

	mu    sync.Mutex
	procs map[string]*process
	names []string
}

// NewGroup returns an empty group whose programs guard kills should this process die.
func NewGroup(guard *Guard) *Group {
	g := &Group{guard: guard, spawn: make(chan func()), exits: make(chan *ExitError, 1), procs: map[string]*process{}}
	go func() {
		runtime.LockOSThread()
		for start := range g.spawn {
			start()
		}
	}()
	return g
}

// Exits receives the first program that exited without a Stop.
func (g *Group) Exits() <-chan *ExitError { return g.exits }

// Start runs a program. It is an error when it runs already.
func (g *Group) Start(spec Spec) error {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(spec.Path, spec.Args...) //nolint:noctx // The group ends it.
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = spec.Env, spec.Dir, log, log
	cmd.SysProcAttr = ownGroup()

	g.mu.Lock()
	defer g.mu.Unlock()
	if old := g.procs[spec.Name]; old != nil && old.alive() {
		return fmt.Errorf("start %s: it is %s already", spec.Name, old.state)
	}
	started := make(chan error)
	g.spawn <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	p := &process{spec: spec, cmd: cmd, done: make(chan struct{}), state: Running, since: time.Now()}
	if g.procs[spec.Name] == nil {
		g.names = append(g.names, spec.Name)
	}
	g.procs[spec.Name] = p
	g.guard.watch(cmd.Process.Pid)
	g.ended.Go(func() { g.reap(p) })
	return nil
}

func (p *process) alive() bool { return p.state == Running || p.state == Paused }

// reap waits for the exit of one run and, without a Stop, reports it.
func (g *Group) reap(p *process) {
	err := p.cmd.Wait()
	g.guard.forget(p.cmd.Process.Pid)
	g.mu.Lock()
	if p.alive() {
		p.state = Exited
		p.exit = &ExitError{Name: p.spec.Name, Err: err, Tail: tail(p.spec.Log, tailLines)}
		select {
		case g.exits <- p.exit:
		default: // The first one ends the sandbox.
		}
	}
	p.since = time.Now()
	g.mu.Unlock()
	close(p.done)
}

// Stop ends a program: by SIGTERM, and by SIGKILL when it is still there after grace (at once when grace is zero). It
// returns when the program has exited.
func (g *Group) Stop(name string, grace time.Duration) error {
	g.mu.Lock()
	p := g.procs[name]
	if p == nil || !p.alive() {
		g.mu.Unlock()
		return fmt.Errorf("stop %s: it does not run", name)
	}
	p.state, p.since = Stopped, time.Now()
	g.mu.Unlock()
	if grace > 0 {
		_ = p.signal(syscall.SIGTERM) // It may have exited already.
		_ = p.signal(syscall.SIGCONT)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
			return nil
		case <-timer.C:
		}
	}
	_ = p.signal(syscall.SIGKILL)
	<-p.done
	return nil
}

// Pause freezes a program: it keeps its connections and answers nothing.
func (g *Group) Pause(name string) error {
	return g.change(name, syscall.SIGSTOP, Running, Paused)
}

// Resume resumes a paused program.
func (g *Group) Resume(name string) error {
	return g.change(name, syscall.SIGCONT, Paused, Running)
}

func (g *Group) change(name string, signal syscall.Signal, from, to State) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.procs[name]
	if p == nil || p.state != from {
		return fmt.Errorf("%s is not %s", name, from)
	}
	if err := p.signal(signal); err != nil {
		return fmt.Errorf("send %s to %s: %w", signal, name, err)
	}
	p.state, p.since = to, time.Now()
	return nil
}

// signal reaches the program and whatever it started.
func (p *process) signal(signal syscall.Signal) error {
	return syscall.Kill(-p.cmd.Process.Pid, signal)
}

// Status lists the programs in the order of their first start.
func (g *Group) Status() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Status, 0, len(g.names))
	for _, name := range g.names {
		p := g.procs[name]
		status := Status{Name: name, State: p.state, Since: p.since, Log: p.spec.Log}
		if p.alive() {
			status.PID = p.cmd.Process.Pid
		}
		list = append(list, status)
	}
	return list
}

// Alive returns nil while a program runs or is paused, and else how it ended.
func (g *Group) Alive(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.procs[name]
	switch {
	case p == nil || p.state == Stopped:
		return fmt.Errorf("%s was stopped", name)
	case p.state == Exited:
		return p.exit
	default:
		return nil
	}
}

// Close kills all programs, the last started first, and returns when they have exited. The group cannot be used again.
func (g *Group) Close() {
	for _, status := range slices.Backward(g.Status()) {
		_ = g.Stop(status.Name, 0) // An error means that it does not run.
	}
	g.ended.Wait()
	close(g.spawn)
}

// tail is the end of a log: at most the given number of lines.
func tail(path string, lines int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return errors.Join(errors.New("no log"), err).Error()
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
