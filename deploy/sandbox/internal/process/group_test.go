package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestGroup(t *testing.T) {
	t.Run("a program that exits by itself is reported with the end of its log", testProgramThatExitsByItselfIsReportedWithEndOfItsLog)
	t.Run("a program that is stopped is not reported", testProgramThatIsStoppedIsNotReported)
	t.Run("a program that does not stop is killed with its children", testProgramThatDoesNotStopIsKilledWithItsChildren)
	t.Run("a paused program resumes", testPausedProgramResumes)
	t.Run("a program that cannot start is an error", testProgramThatCannotStartIsError)
	t.Run("closing leaves nothing", testClosingLeavesNothing)
	t.Run("the guard kills the rest when its owner vanishes", testGuardKillsRestWhenItsOwnerVanishes)
	t.Run("a dismissed guard kills nothing", testDismissedGuardKillsNothing)
}

// TestMain runs the guard in the test program itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "guard" {
		if !Watch(context.Background(), os.Stdin) {
			os.Exit(killed)
		}
		return
	}
	os.Exit(m.Run())
}

// killed is the exit code of a guard that was not dismissed.
const killed = 7

const timeout = 2 * time.Minute

// all is more lines than a log has.
const all = 1 << 20

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", timeout, what)
		case <-again.C:
		}
	}
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func newGuard(t *testing.T) *Guard {
	t.Helper()
	lock, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	guard, err := StartGuard(lock, os.Args[0], "guard")
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func newGroup(t *testing.T) *Group {
	t.Helper()
	guard := newGuard(t)
	g := NewGroup(guard)
	t.Cleanup(func() {
		g.Close()
		if err := guard.Dismiss(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// shell returns a program that prints that it runs and executes script.
func shell(t *testing.T, name, script string) Spec {
	t.Helper()
	return Spec{
		Name: name, Path: "/bin/sh", Args: []string{"-c", "echo started\n" + script}, Dir: "/",
		Env: []string{"PATH=/usr/bin:/bin"}, Log: filepath.Join(t.TempDir(), name+".log"),
	}
}

func start(t *testing.T, g *Group, spec Spec) int {
	t.Helper()
	if err := g.Start(spec); err != nil {
		t.Fatal(err)
	}
	eventually(t, spec.Name+" prints that it runs", func() bool { return strings.Contains(tail(spec.Log, all), "started") })
	return status(t, g, spec.Name).PID
}

func status(t *testing.T, g *Group, name string) Status {
	t.Helper()
	for _, s := range g.Status() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no %s in %v", name, g.Status())
	return Status{}
}

func testProgramThatExitsByItselfIsReportedWithEndOfItsLog(t *testing.T) {
	g := newGroup(t)
	start(t, g, shell(t, "frail", "echo out of luck\nexit 3"))
	exit := <-g.Exits()
	if text := exit.Error(); !strings.Contains(text, "frail ended by itself (exit status 3)") || !strings.HasSuffix(text, "started\nout of luck") {
		t.Errorf("the exit is %q", text)
	}
	if got := status(t, g, "frail"); got.State != Exited || got.PID != 0 {
		t.Errorf("after Stop the status is %+v, want Stopped", got)
	}
	if err := g.Alive("frail"); !errors.As(err, &exit) {
		t.Errorf("Alive() = %v, want the exit", err)
	}
}

func testProgramThatIsStoppedIsNotReported(t *testing.T) {
	g := newGroup(t)
	polite := start(t, g, shell(t, "polite", "trap 'exit 0' TERM\nwhile :; do sleep 0.01; done"))
	if err := g.Stop("polite", timeout); err != nil {
		t.Fatal(err)
	}
	if !gone(polite) {
		t.Error("the process still exists after Stop")
	}
	if got := status(t, g, "polite"); got.State != Stopped {
		t.Errorf("after Stop the status is %+v, want Stopped", got)
	}
	if err := g.Stop("polite", 0); err == nil {
		t.Error("the program was stopped twice, want an error")
	}
	select {
	case exit := <-g.Exits():
		t.Errorf("got %v, want none", exit)
	default:
	}
	start(t, g, shell(t, "polite", "sleep 1000"))
	if err := g.Start(shell(t, "polite", "sleep 1000")); err == nil {
		t.Error("the program was started twice, want an error")
	}
}

func testProgramThatDoesNotStopIsKilledWithItsChildren(t *testing.T) {
	g := newGroup(t)
	spec := shell(t, "stubborn", "trap '' TERM\nsh -c 'trap \"\" TERM; echo child $$; while :; do sleep 0.01; done' &\nwait")
	parent := start(t, g, spec)
	var child int
	eventually(t, "the child prints its process ID", func() bool {
		_, err := fmt.Sscanf(tail(spec.Log, 1), "child %d", &child)
		return err == nil
	})
	if err := g.Stop("stubborn", time.Millisecond); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are gone", func() bool { return gone(parent) && gone(child) })
}

func testPausedProgramResumes(t *testing.T) {
	g := newGroup(t)
	spec := shell(t, "counter", "while :; do echo tick; sleep 0.005; done")
	pid := start(t, g, spec)
	if err := g.Pause("counter"); err != nil {
		t.Fatal(err)
	}
	if err := g.Pause("counter"); err == nil {
		t.Error("the program was paused twice, want an error")
	}
	if got := status(t, g, "counter"); got.State != Paused || got.PID != pid {
		t.Errorf("after Stop the status is %+v, want Stopped", got)
	}
	before := tail(spec.Log, all)
	if err := g.Resume("counter"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it goes on", func() bool { return len(tail(spec.Log, all)) > len(before) })
}

func testProgramThatCannotStartIsError(t *testing.T) {
	g := newGroup(t)
	spec := shell(t, "nowhere", "")
	spec.Path = "/nowhere/at/all"
	if err := g.Start(spec); err == nil || !strings.Contains(err.Error(), "start nowhere") {
		t.Errorf("got %v", err)
	}
	if err := g.Pause("never started"); err == nil {
		t.Error("what never started was paused")
	}
}

func testClosingLeavesNothing(t *testing.T) {
	guard := newGuard(t)
	g := NewGroup(guard)
	first := start(t, g, shell(t, "first", "sleep 1000"))
	second := start(t, g, shell(t, "second", "sleep 1000"))
	if err := g.Pause("second"); err != nil {
		t.Fatal(err)
	}
	g.Close()
	if !gone(first) || !gone(second) {
		t.Error("something is left")
	}
	if err := guard.Dismiss(); err != nil {
		t.Error(err)
	}
}

func testGuardKillsRestWhenItsOwnerVanishes(t *testing.T) {
	guard := newGuard(t)
	g := NewGroup(guard)
	ended := start(t, g, shell(t, "ended", "sleep 1000"))
	if err := g.Stop("ended", 0); err != nil {
		t.Fatal(err)
	}
	running := start(t, g, shell(t, "running", "sleep 1000"))
	if err := guard.pipe.Close(); err != nil { // As when its owner is killed.
		t.Fatal(err)
	}
	if err := guard.cmd.Wait(); guard.cmd.ProcessState.ExitCode() != killed {
		t.Errorf("the guard ended with %v", err)
	}
	eventually(t, "the program is gone", func() bool { return gone(running) && gone(ended) })
	g.Close()
}

func testDismissedGuardKillsNothing(t *testing.T) {
	guard := newGuard(t)
	g := NewGroup(guard)
	running := start(t, g, shell(t, "running", "sleep 1000"))
	if err := guard.Dismiss(); err != nil { // Dismiss returns an error if the guard has killed processes.
		t.Fatal(err)
	}
	if gone(running) {
		t.Error("the program is gone")
	}
	g.Close()
}
