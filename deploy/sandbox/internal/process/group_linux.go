package process

import "syscall"

// ownGroup puts a program into a process group of its own, killed by the kernel when the thread that started it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
