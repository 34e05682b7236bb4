package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestTop(t *testing.T) {
	t.Run("it needs a terminal", testTopNeedsTerminal)
	t.Run("it follows objects in a real terminal, and restores it", testTopFollowsObjectsInRealTerminal)
}

func testTopNeedsTerminal(t *testing.T) {
	if code, out, errs := impulse(t, "", "top", "--server", "http://127.0.0.1:1"); code != 2 || out != "" || errs != "impulse: top needs a terminal: use impulse get, or impulse get --watch\n" {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
}

// openTerminal opens a pseudoterminal of a size: what a user types and sees, and what a program reads and writes.
func openTerminal(t *testing.T, width, height uint16) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(user.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		program.Close()
		user.Close()
	})
	resize(t, user, width, height)
	return user, program
}

func resize(t *testing.T, terminal *os.File, width, height uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
		t.Fatal(err)
	}
}

func testTopFollowsObjectsInRealTerminal(t *testing.T) {
	e, _ := onCluster(t, "web", "api")
	user, program := openTerminal(t, 80, 24)
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	var screen recorder
	go func() { _, _ = io.Copy(&screen, user) }() // It ends when the terminal is closed.
	done := make(chan int, 1)
	go func() {
		done <- execute(t.Context(), []string{"impulse", "top", "--kubeconfig", e.Kubeconfig, "-n", e.Namespace}, program, program, io.Discard)
	}()
	shows := func(what string) {
		t.Helper()
		testkit.Eventually(t, "the screen shows "+what, func(context.Context) bool {
			frames := strings.Split(screen.String(), "\x1b[H")
			return strings.Contains(frames[len(frames)-1], what) || len(frames) > 1 && strings.Contains(frames[len(frames)-2], what)
		})
	}
	press := func(keys string) {
		t.Helper()
		if _, err := user.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	shows("> api ")
	press("\x1b[B")
	shows("> web ")
	setStatus(t, e, "web", decided)
	shows("Deployment/web   3         3 ")
	press("\r")
	shows("enter goes back")
	press("\x1b")
	shows("enter explains")
	resize(t, user, 30, 10)
	shows("q quits, arrows move, enter ex\x1b[K")
	press("q")
	if code := <-done; code != 0 || !strings.HasSuffix(screen.String(), leaveScreen) {
		testkit.Eventually(t, "the ordinary screen is back", func(context.Context) bool { return strings.HasSuffix(screen.String(), leaveScreen) })
		if code != 0 {
			t.Errorf("got exit code %d", code)
		}
	}
	after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal is not as before: %+v, %v, want %+v", after, err, before)
	}
}
