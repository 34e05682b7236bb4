package local

import "syscall"

// attributes give a child a group of its own, so that Ctrl-C reaches the parent, which stops its children in order; and
// let the kernel end the child when the parent is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
