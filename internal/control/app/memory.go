package app

import (
	"io/fs"
	"math"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// defaultMemory is the assumed limit if none is set, in bytes. It is the limit in deploy/manifests.
	defaultMemory = 512 << 20
	// bodyShare is the divisor of the memory limit that gives the default of --body-memory.
	bodyShare = 4
	// gcPercent is how much garbage there may be until it is collected, in percent of the memory in use. Most memory is the state of the objects,
	// which stays, and little garbage is made beside it. docs/performance.md has the CPU and the memory at other values.
	gcPercent = 30
	// noLimit is a size that no machine has. Larger ones mean no limit, as the one near 1<<63 that cgroup v1 shows.
	noLimit = 1 << 60
)

// limitMemory sets the memory limit of the garbage collector to four fifths of that of the container, unless GOMEMLIMIT is set: the rest
// is for memory that the collector does not count, such as the pages of the program. It returns the limit of the process in bytes.
// cgroup is the file system with the limits of the container.
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

// limitGarbage sets the amount of garbage at which the collector runs to gcPercent, unless gogc, the variable GOGC, is set.
func limitGarbage(gogc string) {
	if gogc == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// containerLimit returns the memory limit of this container, by cgroup v2 or v1.
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
