//go:build !linux

package local

import "syscall"

// attributes give a child a group of its own, so that Ctrl-C reaches the parent, which stops its children in order.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
