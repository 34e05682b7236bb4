package gobuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGraph(t *testing.T) {
	t.Run("a package starts after its dependencies", testPackageStartsAfterItsDependencies)
	t.Run("a package with more dependencies weighs more", testPackageWithMoreDependenciesWeighsMore)
	t.Run("the rest is estimated from the speed so far", testRestIsEstimatedFromSpeedSoFar)
	t.Run("the speed is that of the last minutes", testSpeedIsThatOfLastMinutes)
	t.Run("only packages that are compiled now count for the speed", testOnlyPackagesThatAreCompiledNowCountForSpeed)
}

// list is the go command's output for a program with two packages, one of which needs the other. Their sources have
// the given sizes.
func list(t *testing.T, program, upper, lower int) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, size := range map[string]int{"program.go": program, "upper.go": upper, "lower.go": lower} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := `{"ImportPath": "vendor/lower", "Dir": "DIR", "GoFiles": ["lower.go"]}
{"ImportPath": "upper", "Dir": "DIR", "GoFiles": ["upper.go"], "Imports": ["lower"], "ImportMap": {"lower": "vendor/lower"}}
{"ImportPath": "program", "Dir": "DIR", "GoFiles": ["program.go"], "Imports": ["upper"]}`
	return []byte(strings.ReplaceAll(text, "DIR", dir))
}

func testPackageStartsAfterItsDependencies(t *testing.T) {
	g, err := readGraph(list(t, 1000, 9000, 90000), []string{"program"})
	if err != nil {
		t.Fatal(err)
	}
	if g.share() != 0 {
		t.Errorf("before anything is begun, %g is done", g.share())
	}
	g.started("vendor/lower")
	if g.share() != 0 {
		t.Errorf("with only the first begun, %g is done", g.share())
	}
	g.started("program") // The package between them was in the go command's cache, and never printed.
	first := g.share()
	if first < 0.9 || first >= 1 {
		t.Errorf("with only the program left, %g is done", first)
	}
	g.started("no such package")
	if g.share() != first {
		t.Errorf("a package that is not known changed what is done to %g", g.share())
	}
}

func testPackageWithMoreDependenciesWeighsMore(t *testing.T) {
	linked, err := readGraph(list(t, 1000, 1000, 900000), []string{"program"})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := readGraph(list(t, 1000, 1000, 900000), nil)
	if err != nil {
		t.Fatal(err)
	}
	if upper, program := plain.packages["upper"].weight, plain.packages["program"].weight; program <= upper {
		t.Errorf("the program needs more and weighs %d, the package below it %d", program, upper)
	}
	if linked.weight < plain.weight+900000/linkShare {
		t.Errorf("linking weighs nothing: %d and %d", linked.weight, plain.weight)
	}
}

func testRestIsEstimatedFromSpeedSoFar(t *testing.T) {
	for name, test := range map[string]struct {
		weight, finished, compiled int64
		elapsed, left              time.Duration
	}{
		"too early for an estimate":        {1000, 500, 1, 10 * time.Second, 0},
		"a quarter compiled":               {1000, 250, 250, 10 * time.Second, 30 * time.Second},
		"half was there before":            {1000, 750, 250, time.Minute, time.Minute},
		"a long time is rounded":           {1000, 300, 300, 100 * time.Second, 230 * time.Second},
		"everything but a part was cached": {1000, 900, 100, 10 * time.Second, 10 * time.Second},
		"done":                             {1000, 1000, 1000, time.Minute, 0},
	} {
		g, began := graph{weight: test.weight, finished: test.finished, compiled: test.compiled}, time.Unix(0, 0)
		if got := g.remaining(mark{at: began}, began.Add(test.elapsed)); got != test.left {
			t.Errorf("%s: %s left, want %s", name, got, test.left)
		}
	}
}

// Another build that has begun before has both cores for five minutes.
func testSpeedIsThatOfLastMinutes(t *testing.T) {
	began := time.Unix(0, 0)
	p := &progress{graph: &graph{weight: 1000}, marks: []mark{{at: began}}}
	var left time.Duration
	for second := range 600 {
		if second >= 300 {
			p.graph.compiled, p.graph.finished = p.graph.compiled+2, p.graph.finished+2
		}
		now := began.Add(time.Duration(second+1) * time.Second)
		left = p.graph.remaining(p.mark(now), now)
		if len(p.marks) > int(speedOf/markEvery)+2 {
			t.Fatalf("%d marks are kept", len(p.marks))
		}
	}
	if left != 200*time.Second {
		t.Errorf("400 are left at 2 a second: the estimate is %s", left)
	}
}

func testOnlyPackagesThatAreCompiledNowCountForSpeed(t *testing.T) {
	g, err := readGraph(list(t, 1000, 9000, 90000), nil)
	if err != nil {
		t.Fatal(err)
	}
	g.started("upper") // The one below it was there.
	g.started("program")
	if upper := g.packages["upper"].weight; g.compiled != upper || g.finished <= upper {
		t.Errorf("compiled %d of the %d that are finished, want %d", g.compiled, g.finished, upper)
	}
}

func FuzzReadGraph(f *testing.F) {
	f.Add([]byte(`{"ImportPath":"a","Imports":["a","b"]}{"ImportPath":"a"}`), "a")
	f.Fuzz(func(t *testing.T, list []byte, started string) {
		g, err := readGraph(list, []string{started})
		if err != nil {
			return
		}
		g.started(started)
		if share := g.share(); share < 0 || share > 1 {
			t.Errorf("%g is done", share)
		}
	})
}
