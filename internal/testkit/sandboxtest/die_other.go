//go:build !linux

package sandboxtest

import "syscall"

// dieWithParent has no counterpart here: a killed test leaves its programs running.
func dieWithParent() *syscall.SysProcAttr { return nil }
