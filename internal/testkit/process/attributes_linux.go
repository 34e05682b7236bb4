package process

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes put the program into a process group of its own, so that Ctrl-C reaches only this process, which stops its
// programs in order; and let the kernel kill the program when this process ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitStop returns once all threads of a child have stopped: after SIGSTOP they may run on for a moment, and answer.
func awaitStop(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
