package sandboxtest

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refusal is a test that records how it was failed.
type refusal struct {
	testing.TB
	said string
}

func (r *refusal) Helper() {}

func (r *refusal) Fatalf(format string, args ...any) {
	r.said = format
	panic(args)
}

func TestAMissingProgramFailsTheTestAndSaysWhatToDo(t *testing.T) {
	for name, dir := range map[string]string{"no folder": "", "an empty folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(binVariable, dir)
			r := &refusal{TB: t}
			func() {
				defer func() { _ = recover() }()
				Binary(r, "nats-server")
			}()
			if !strings.Contains(r.said, "run `make test`") {
				t.Errorf("it said %q", r.said)
			}
		})
	}
}

func TestAProgramIsGoneAfterItWasKilled(t *testing.T) {
	address := FreeAddress(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(address)
	p := Start(t, "nats-server", "-a", "127.0.0.1", "-p", port)
	p.Listening(address)
	p.Kill()
	if err := p.cmd.Process.Signal(syscall.Signal(0)); err == nil {
		t.Error("the process still exists")
	}
	dialer := net.Dialer{Timeout: time.Second}
	if conn, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("somebody still listens")
	}
}
