//go:build !linux

package process

import "syscall"

// ownGroup puts a program into a process group of its own; the guard alone kills it when its owner dies.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
