package process

import (
	"context"
	"os/exec"
	"syscall"
)

// Container is what a program of a container sees of its machine.
type Container struct {
	// Root is the folder that the program has as its root.
	Root string
	// User is the number of the user and of the group that it runs as.
	User uint32
	// Env are its variables; it has no others.
	Env []string
}

// StartContainer is Start for a program of a container. binary is a path below its root. Only root may start one.
func StartContainer(ctx context.Context, dir, name string, c Container, binary string, args ...string) (*Process, error) {
	return start(ctx, dir, name, func(cmd *exec.Cmd) {
		cmd.Dir, cmd.Env = "/", c.Env
		cmd.SysProcAttr.Chroot = c.Root
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: c.User, Gid: c.User}
	}, binary, args...)
}
