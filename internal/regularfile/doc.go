// Package regularfile reads regular files. A path from a user or a mount may lead to a device that never ends, or to a named pipe that
// nobody writes to: neither may fill the memory or block for ever.
package regularfile
