package process

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// Find returns the last path that matches a pattern of filepath.Glob, which of several versions is the newest; "" if there is none.
func Find(pattern string) string {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// AsUser returns the command that runs a program that refuses to run as root. If this process is root, the program runs as the given user.
func AsUser(name, binary string, args ...string) (command string, all []string) {
	if os.Geteuid() != 0 {
		return binary, args
	}
	return "/usr/bin/setpriv", append([]string{"--reuid", name, "--regid", name, "--clear-groups", "--", binary}, args...)
}

// GiveTo gives files to a user for whom AsUser runs programs. If this process is not root, or name is "", they stay as they are.
func GiveTo(name string, paths ...string) error {
	if os.Geteuid() != 0 || name == "" {
		return nil
	}
	account, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("find the user %s: %w", name, err)
	}
	id, err := strconv.Atoi(account.Uid)
	if err != nil {
		return fmt.Errorf("find the user %s: %w", name, err)
	}
	for _, path := range paths {
		if err := os.Chown(path, id, -1); err != nil {
			return fmt.Errorf("give a file to the user %s: %w", name, err)
		}
	}
	return nil
}
