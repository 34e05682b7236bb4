package process

import "syscall"

// attributes put the program into a process group of its own, so that Ctrl-C reaches only this process, which stops its
// programs in order; and let the kernel kill the program when this process ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
