package app

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestMemory(t *testing.T) {
	t.Run("the memory limit is the container's, unless GOMEMLIMIT is set", testMemoryLimitIsContainersUnlessGOMEMLIMITIsSet)
	t.Run("the collector runs earlier than Go's default, unless GOGC is set", testCollectorRunsEarlierUnlessGOGCIsSet)
}

func testMemoryLimitIsContainersUnlessGOMEMLIMITIsSet(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	file := func(name, content string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(content)}} }
	for name, c := range map[string]struct {
		cgroup           fstest.MapFS
		set              int64
		limit, collector int64
	}{
		"cgroup v2":            {file("memory.max", "268435456\n"), math.MaxInt64, 256 << 20, 214748364},
		"cgroup v1":            {file("memory/memory.limit_in_bytes", "1073741824\n"), math.MaxInt64, 1 << 30, 858993456},
		"no limit in v2":       {file("memory.max", "max\n"), math.MaxInt64, 512 << 20, math.MaxInt64},
		"no limit in v1":       {file("memory/memory.limit_in_bytes", "9223372036854771712\n"), math.MaxInt64, 512 << 20, math.MaxInt64},
		"no cgroup":            {fstest.MapFS{}, math.MaxInt64, 512 << 20, math.MaxInt64},
		"GOMEMLIMIT wins":      {file("memory.max", "268435456\n"), 100 << 20, 100 << 20, 100 << 20},
		"nonsense is no limit": {file("memory.max", "-1\n"), math.MaxInt64, 512 << 20, math.MaxInt64},
	} {
		debug.SetMemoryLimit(c.set)
		if limit, collector := limitMemory(c.cgroup), debug.SetMemoryLimit(-1); limit != c.limit || collector != c.collector {
			t.Errorf("%s: got the limit %d, and %d for the collector, want %d and %d", name, limit, collector, c.limit, c.collector)
		}
	}
}

func testCollectorRunsEarlierUnlessGOGCIsSet(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	limitGarbage("200")
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("with GOGC=200, which Go applies itself, the percentage became %d", got)
	}
	limitGarbage("")
	if got := debug.SetGCPercent(100); got != gcPercent {
		t.Errorf("got %d percent, want %d", got, gcPercent)
	}
}
