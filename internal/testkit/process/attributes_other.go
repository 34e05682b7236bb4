//go:build !linux

package process

import "syscall"

// attributes put the program into a process group of its own, so that Ctrl-C reaches only this process, which stops its
// programs in order. When this process is killed, the program keeps running: the kernel's signal for that
// is used on Linux only.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitStop returns at once: the system call for it is used on Linux only.
func awaitStop(int) error { return nil }
