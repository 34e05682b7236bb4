package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestConverge(t *testing.T) {
	t.Run("every order of firing, resolved and late firings converges", testEveryOrderOfFiringResolvedAndLateFiringsConverges)
	t.Run("in random runs no alert is lost and the final state is true", testInRandomRunsNoAlertIsLostAndFinalStateIsTrue)
	t.Run("a storm of repeats from three peers is one write", testStormOfRepeatsFromThreePeersIsOneWrite)
}

// orders calls visit with every permutation of n things.
func orders(n int, visit func([]int)) {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	var permute func(k int)
	permute = func(k int) {
		if k == n {
			visit(slices.Clone(all))
			return
		}
		for i := k; i < n; i++ {
			all[k], all[i] = all[i], all[k]
			permute(k + 1)
			all[k], all[i] = all[i], all[k]
		}
	}
	permute(0)
}

// In any order of three peers' copies of a firing, its resolve and an older firing, a resolved alert ends, at the latest when the ttl of
// a late firing expires, and an alert that fires again counts at once.
func testEveryOrderOfFiringResolvedAndLateFiringsConverges(t *testing.T) {
	orders(5, func(order []int) {
		synctest.Test(t, func(t *testing.T) {
			s := run(t, &memory{})
			over, again := watch(t, s, "slow"), watch(t, s, "again")
			began := time.Now().Add(-time.Hour)
			ended := time.Now()
			first := []Alert{
				firing("slow", began), resolved("slow", began, ended), firing("slow", began.Add(-time.Minute)),
				firing("slow", began), resolved("slow", began, ended),
			}
			second := []Alert{
				firing("again", began), resolved("again", began, ended), firing("again", ended.Add(time.Second)),
				firing("again", began), resolved("again", began, ended),
			}
			for _, i := range order {
				send(t, s, first[i])
				send(t, s, second[i])
			}
			if got := again.last(); got != "1" {
				t.Errorf("order %v: %s alerts that fire again count, want 1", order, got)
			}
			<-time.After(defaultWindow + 2*lateFiringTTL)
			if got := over.last(); got != "0" {
				t.Errorf("order %v: %s resolved alerts count, want 0", order, got)
			}
			if got := again.last(); got != "1" {
				t.Errorf("order %v: after a while %s alerts that fire again count, want 1", order, got)
			}
		})
	})
}

// peers are three Alertmanagers. Each sends each state at least once, late and repeatedly.
type peers struct {
	r     *rand.Rand
	queue []statement
}

type statement struct {
	at    time.Time
	alert Alert
}

func (p *peers) deliver(at time.Time, a Alert) {
	for range 3 {
		late := time.Duration(p.r.IntN(20_000)) * time.Millisecond
		for range 1 + p.r.IntN(2) {
			p.queue = append(p.queue, statement{at.Add(late + time.Duration(p.r.IntN(5000))*time.Millisecond), a})
		}
	}
}

// In random sequences of alerts that begin and end and of peers that repeat each other late, an alert is never missing while it
// fires and was delivered, and after the last delivery exactly the firing alerts count.
func testInRandomRunsNoAlertIsLostAndFinalStateIsTrue(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			randomSequence(t, rand.New(rand.NewPCG(seed, 1)), fmt.Sprint("seed ", seed))
		})
	}
}

func randomSequence(t *testing.T, r *rand.Rand, name string) {
	t.Helper()
	m := &memory{}
	s := run(t, m)
	w := watchQuery(t, s, withTTL("slow", 5*time.Minute))
	p := &peers{r: r}
	now := time.Now()
	var starts time.Time
	fires := false
	turn := func(length time.Duration) {
		if fires = !fires; fires {
			starts = now
		}
		for at := now; at.Before(now.Add(length)); at = at.Add(time.Minute) {
			if fires {
				p.deliver(at, firing("slow", starts))
			} else if at.Equal(now) {
				p.deliver(at, resolved("slow", starts, now))
			}
		}
		now = now.Add(length)
	}
	for range 2 + r.IntN(6) {
		turn(time.Duration(1+r.IntN(300)) * time.Second)
	}
	turn(30 * time.Minute)
	slices.SortStableFunc(p.queue, func(a, b statement) int { return a.at.Compare(b.at) })
	for _, one := range p.queue {
		<-time.After(time.Until(one.at))
		newest := s.index.records[key{shop.String(), fingerprint(one.alert.Labels)}]
		begins := one.alert.Firing && (newest == nil || one.alert.StartsAt.After(newest.StartsAt.Time))
		send(t, s, one.alert)
		if got := w.last(); begins && got != "1" {
			t.Errorf("%s: after the first delivery of a newer activation %s count, want 1", name, got)
		}
	}
	want := "0"
	if fires {
		want = "1"
	}
	if got := w.last(); got != want {
		t.Errorf("%s: at rest %s count, want %s", name, got, want)
	}
}

func testStormOfRepeatsFromThreePeersIsOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watch(t, s, "slow")
		began := time.Now()
		for range 300 {
			for range 3 {
				send(t, s, firing("slow", began))
			}
			<-time.After(time.Second)
		}
		w.expect(t, "0", "1")
		if m.writes() != 1 {
			t.Errorf("%d writes of 900 repeats, want 1", m.writes())
		}
	})
}
