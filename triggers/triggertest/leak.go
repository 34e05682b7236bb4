package triggertest

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// goroutines returns the stacks of all goroutines by their id.
func goroutines() map[string]string {
	buffer := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			buffer = buffer[:n]
			break
		}
		buffer = make([]byte, 2*len(buffer))
	}
	all := map[string]string{}
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		all[id] = stack
	}
	return all
}

// children returns the stacks of the goroutines that the calling goroutine has started since before. The runtime starts others at any
// time: for finalizers, cleanups and timers.
func children(before map[string]string) []string {
	buffer := make([]byte, 64)
	own, _, _ := strings.Cut(strings.TrimPrefix(string(buffer[:runtime.Stack(buffer, false)]), "goroutine "), " ")
	var started []string
	for id, stack := range goroutines() {
		if before[id] == "" && strings.Contains(stack, " in goroutine "+own+"\n") {
			started = append(started, stack)
		}
	}
	return started
}

// waitForGoroutines waits until every goroutine that did not exist before has ended.
func waitForGoroutines(before map[string]string, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var left []error
		for id, stack := range goroutines() {
			if before[id] == "" {
				left = append(left, fmt.Errorf("a goroutine is left:\n%s", stack))
			}
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(left...)
		}
		<-ticker.C
	}
}
