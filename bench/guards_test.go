package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGuards(t *testing.T) {
	t.Run("a run that is as the committed one, or better, has not regressed", testRunThatIsNotWorseHasNotRegressed)
	t.Run("a machine of another speed changes nothing", testMachineOfAnotherSpeedChangesNothing)
	t.Run("a figure that is worse than allowed has regressed, and no other one", testFigureThatIsWorseThanAllowedHasRegressed)
	t.Run("a result that is missing is an error, which says how to get it", testResultThatIsMissingIsError)
	t.Run("an error names the figure, and a table shows it", testErrorNamesFigure)
	t.Run("each guard is of a result with -quick", testEachGuardIsOfResultWithQuick)
}

// seeds is the number of random runs of each property.
const seeds = 1000

// randomResults returns results for all guards, in a random order.
func randomResults(r *rand.Rand) []result {
	results := make([]result, len(guards))
	for i, k := range r.Perm(len(guards)) {
		reference := 1 + 10*r.Float64()
		results[i] = result{Name: guards[k].name, P50: reference * 3 * r.Float64(), ReferenceP50: reference}.ratios()
	}
	return results
}

// better returns a random run in which no figure is greater, and none of those without a reference is greater than any guard allows.
func better(r *rand.Rand, results []result) []result {
	after := slices.Clone(results)
	for i := range after {
		after[i].P50 *= r.Float64() / 40
		after[i] = after[i].ratios()
	}
	r.Shuffle(len(after), func(i, k int) { after[i], after[k] = after[k], after[i] })
	return after
}

// regressedIn returns the names of the figures that have regressed.
func regressedIn(checked []guarded) (names []string) {
	for i := range checked {
		if checked[i].regressed() {
			names = append(names, checked[i].name)
		}
	}
	return names
}

func testRunThatIsNotWorseHasNotRegressed(t *testing.T) {
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		committed := randomResults(r)
		if got := regressedIn(check(guards, committed, better(r, committed))); len(got) > 0 {
			t.Fatalf("seed %d: %v have regressed, want none", seed, got)
		}
	}
}

func testMachineOfAnotherSpeedChangesNothing(t *testing.T) {
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		committed, now := randomResults(r), randomResults(r)
		want := regressedIn(check(guards, committed, now))
		speed := 0.01 + 10*r.Float64()
		for i := range now {
			if k := slices.IndexFunc(guards, func(g guard) bool { return g.name == now[i].Name }); guards[k].figure.what == beside.what {
				now[i].P50, now[i].ReferenceP50 = now[i].P50*speed, now[i].ReferenceP50*speed
				ratio := now[i].RatioP50
				now[i] = now[i].ratios()
				now[i].RatioP50 = ratio // Without the error of the multiplications.
			}
		}
		if got := regressedIn(check(guards, committed, now)); !slices.Equal(got, want) {
			t.Fatalf("seed %d: at %g times the speed %v have regressed, want %v", seed, speed, got, want)
		}
	}
}

func testFigureThatIsWorseThanAllowedHasRegressed(t *testing.T) {
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		committed := randomResults(r)
		now := better(r, committed)
		c := check(guards, committed, now)[r.IntN(len(guards))]
		i := slices.IndexFunc(now, func(n result) bool { return n.Name == c.name })
		for _, worse := range []bool{false, true} {
			value := c.allowed
			if worse {
				value += 0.001 + 100*r.Float64()
			}
			now[i].P50, now[i].RatioP50 = value, value
			if got := regressedIn(check(guards, committed, now)); slices.Contains(got, c.name) != worse || len(got) > 1 {
				t.Fatalf("seed %d: with %s = %g, and %g allowed, %v have regressed", seed, c.name, value, c.allowed, got)
			}
		}
	}
}

func testResultThatIsMissingIsError(t *testing.T) {
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		committed := randomResults(r)
		now := better(r, committed)
		i := r.IntN(len(guards))
		without := func(all []result) []result {
			return slices.DeleteFunc(slices.Clone(all), func(n result) bool { return n.Name == guards[i].name })
		}
		for _, checked := range [][]guarded{check(guards, without(committed), now), check(guards, committed, without(now))} {
			if got := regressedIn(checked); !slices.Equal(got, []string{guards[i].name}) {
				t.Fatalf("seed %d: %v have regressed, want %s, which is missing", seed, got, guards[i].name)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "none.json")
	err := compareWith(new(bytes.Buffer), path, randomResults(rand.New(rand.NewPCG(1, 2))))
	if want := "make bench-quick OUT=" + path; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without committed results: got error %v, want one with %q", err, want)
	}
}

func testErrorNamesFigure(t *testing.T) {
	committed := make([]result, len(guards))
	for i, g := range guards {
		committed[i] = result{Name: g.name, ReferenceP50: 1}
	}
	path := filepath.Join(t.TempDir(), "results.json")
	if err := save(path, committed, false); err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := compareWith(&table, path, committed); err != nil || strings.Count(table.String(), " ok\n") != len(guards) {
		t.Errorf("the same results: got error %v and this table, want ok %d times:\n%s", err, len(guards), table.String())
	}
	now := slices.Clone(committed)
	now[0].P50 = 3600
	table.Reset()
	err := compareWith(&table, path, now)
	if err == nil || !strings.Contains(err.Error(), "1 of ") || !strings.Contains(err.Error(), "rest/300/writes: the count is 3.6e+03, at most 30 is allowed") {
		t.Errorf("got error %v, want one that names the figure", err)
	}
	if !strings.Contains(table.String(), "REGRESSED") {
		t.Errorf("the table does not show what has regressed:\n%s", table.String())
	}
}

func testEachGuardIsOfResultWithQuick(t *testing.T) {
	for _, g := range guards {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return strings.HasPrefix(g.name, fmt.Sprintf("%s/%d/", s.name, s.quick)) })
		if i < 0 {
			t.Errorf("no scenario with -quick has the result %s", g.name)
		}
		if g.times == 0 && g.atLeast == 0 || g.cause == "" {
			t.Errorf("%s: nothing is allowed, or the cause is missing", g.name)
		}
	}
}
