package app

import (
	"io/fs"
	"math"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// defaultMemory is the limit where none is set: that of deploy/manifests, in bytes.
	defaultMemory = 512 << 20
	// bodyShare is which part of the memory the bodies of requests may take: one in so many.
	bodyShare = 4
	// noLimit is from where on a limit of the kernel means that there is none.
	noLimit = 1 << 60
)

// limitMemory makes the garbage collector respect the memory that this process may use, and returns that in bytes: what
// GOMEMLIMIT says, or else the limit of the container. A fifth of that is left for what the collector does not count, such as the
// pages of the program. cgroup is where the kernel shows the limit.
func limitMemory(cgroup fs.FS) int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	limit, ok := containerLimit(cgroup)
	if !ok {
		return defaultMemory
	}
	debug.SetMemoryLimit(limit / 5 * 4)
	return limit
}

// containerLimit is the memory limit of this container, by cgroup v2 or v1.
func containerLimit(cgroup fs.FS) (int64, bool) {
	for _, name := range []string{"memory.max", "memory/memory.limit_in_bytes"} {
		content, err := fs.ReadFile(cgroup, name)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
		if err == nil && limit > 0 && limit < noLimit {
			return limit, true
		}
	}
	return 0, false
}
