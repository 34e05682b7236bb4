package chaos

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

func TestKillLoop(t *testing.T) {
	t.Parallel()
	t.Run("the leader is killed again and again", testLeaderIsKilledAgainAndAgain)
}

var killLoop = flag.Duration("kill-loop", 8*time.Second, "for how long leaders are killed")

const (
	// lead is how long a leader leads before it is killed, at least. Each leads a spread longer than the one before, and every fourth one lead
	// again, because a leader renews its Lease each second, and the next one waits for as long after that.
	lead, spread = 3 * time.Second, 250 * time.Millisecond
	// takeover is how long the next leader may take: the Lease's five seconds, and the time that the machine needs.
	takeover = testkit.Timeout
)

// testLeaderIsKilledAgainAndAgain ends the leader in a loop, mostly with SIGKILL, under a hundred alerts per second.
func testLeaderIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	sharedPlane.RLock()
	defer sharedPlane.RUnlock()
	p := &plan{impulses: 2}
	for i := range crowd {
		name := fmt.Sprintf("app-%d", i)
		p.objects = append(p.objects, &object{
			name: name, start: low, spec: "minReplicaCount: 1\ncooldownPeriod: 0\ntriggers:\n" + exact(name, `instance="a"`, high),
		})
	}
	e := newEnv(t, p)
	e.plane = newPlane(e)
	e.startImpulses()
	f := newFlood(e)
	ctx, stop := context.WithTimeout(t.Context(), *killLoop)
	defer stop()
	e.background.Go(func() { e.plane.measure(t.Context()) })
	done := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(done)
		f.run(ctx)
	}()
	kills, stops := e.endLeaders(ctx, f)
	<-done
	if err := process.WaitFor(t.Context(), convergeTimeout, "every count follows", func(context.Context) (bool, error) { return f.converged(), nil }); err != nil {
		f.wrong = append(f.wrong, err.Error())
	}
	e.inspect()
	f.mu.Lock()
	defer f.mu.Unlock()
	t.Log("\n" + f.table(time.Since(began), kills, stops))
	for _, wrong := range append(f.wrong, e.ledger.wrong...) {
		t.Error(wrong)
	}
}

// endLeaders ends each leader some time after it has begun to lead, until ctx is done, and starts it again: every third one with
// SIGTERM, the others with SIGKILL. It returns the times until the next leader accepted a message.
func (e *env) endLeaders(ctx context.Context, f *flood) (kills, stops []time.Duration) {
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return kills, stops
		case <-time.After(lead + time.Duration(n%4)*spread):
		}
		leader := e.leader(ctx)
		if leader < 0 {
			continue
		}
		began := time.Now()
		if n%3 == 0 {
			if err := e.impulses[leader].stop(); err != nil {
				e.ledger.fail("%v", err)
			}
			stops = append(stops, e.restartLeader(ctx, f, leader, began))
			continue
		}
		e.impulses[leader].kill()
		kills = append(kills, e.restartLeader(ctx, f, leader, began))
	}
}

// restartLeader starts an ended leader again, and returns the time from the beginning of its end to the first acceptance by another
// one.
func (e *env) restartLeader(ctx context.Context, f *flood, ended int, began time.Time) time.Duration {
	ctx = context.WithoutCancel(ctx)
	f.onLeaderEnded(time.Now().Add(50 * time.Millisecond)) // Its last answers are under way.
	<-time.After(300 * time.Millisecond)                   // As long as a kubelet needs, at least.
	e.run(ctx, e.impulses[ended])
	err := process.WaitFor(ctx, takeover, "the next one accepts", func(context.Context) (bool, error) {
		return !f.nextAccepted().IsZero(), nil
	})
	if err != nil {
		e.ledger.fail("%v", err)
		return takeover
	}
	return f.nextAccepted().Sub(began)
}

// table returns the results as a table.
func (f *flood) table(took time.Duration, kills, stops []time.Duration) string {
	var out strings.Builder
	tw := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	row := func(what, format string, args ...any) {
		fmt.Fprintf(tw, "%s\t%s\n", what, fmt.Sprintf(format, args...))
	}
	row("duration", "%s", took.Round(time.Second))
	row("leaders killed", "%d", len(kills))
	row("until the next one accepts", "p50 %s, longest %s", quantile(kills, 50), quantile(kills, 100))
	row("leaders asked to stop", "%d", len(stops))
	row("until the next one accepts", "p50 %s, longest %s", quantile(stops, 50), quantile(stops, 100))
	row("changes accepted", "%d", f.changes)
	row("repeats accepted", "%d", f.repeats)
	row("refused, and sent again", "%d", f.refused)
	row("acceptance → count seen", "p50 %s, p99 %s, longest %s", quantile(f.delays, 50), quantile(f.delays, 99), quantile(f.delays, 100))
	row("lost, or scaled in wrongly", "%d", len(f.wrong))
	_ = tw.Flush()
	return out.String()
}

// quantile returns the p-th percentile, by nearest rank.
func quantile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[max((len(all)*p+99)/100, 1)-1].Round(time.Millisecond)
}
