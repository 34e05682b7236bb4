package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// processCPU returns the CPU time that a running process has used, of all its threads. /proc has it in hundredths of a second only.
func processCPU(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED: the clock that counts nanoseconds.
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &at); err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(at.Nano()), nil
}

// apiServerCPU returns the CPU time of the API server, which is a child of the sandbox.
func (w *env) apiServerCPU() (time.Duration, error) {
	if w.apiServer == 0 {
		pid, err := childOf(w.sandbox, "kube-apiserver")
		if err != nil {
			return 0, err
		}
		w.apiServer = pid
	}
	return processCPU(w.apiServer)
}

// childOf returns a child process with a name.
func childOf(parent int, name string) (int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, fmt.Errorf("list the processes: %w", err)
	}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil { // It has exited.
			continue
		}
		var pid, parentPID int
		var comm, state string
		if _, err := fmt.Sscan(string(content), &pid, &comm, &state, &parentPID); err == nil && parentPID == parent && comm == "("+name+")" {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("process %d has no child %s", parent, name)
}
