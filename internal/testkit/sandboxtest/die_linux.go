package sandboxtest

import "syscall"

// dieWithParent lets the kernel kill the program when the test's process is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
