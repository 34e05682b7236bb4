//go:build !linux

package main

import (
	"errors"
	"time"
)

// processCPU returns an error: the CPU time of another process is read on Linux only.
func processCPU(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of a process is measured on Linux only")
}

// apiServerCPU returns the error of processCPU.
func (*env) apiServerCPU() (time.Duration, error) { return processCPU(0) }
