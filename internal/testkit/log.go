package testkit

import (
	"strings"
	"sync"
	"testing"
)

// Log is an io.Writer that collects log lines in memory. A failed test shows them.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// NewLog returns an empty log. Lines may be written after the test has ended.
func NewLog(tb testing.TB) *Log {
	tb.Helper()
	l := &Log{}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the log:\n%s", l)
		}
	})
	return l
}

// Write appends a line.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// String returns all that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
