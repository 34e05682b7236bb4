// Package control connects other commands to a running sandbox: HTTP over a Unix socket that only its user can open.
package control

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// longestSocket is how long the path of a Unix socket may be everywhere.
const longestSocket = 100

// Socket is where the sandbox in dir listens: in dir, unless that path would be too long for a socket.
func Socket(dir string) string {
	path := filepath.Join(dir, "control.sock")
	if len(path) <= longestSocket {
		return path
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), "impulse-sandbox-"+hex.EncodeToString(sum[:8])+".sock")
}
