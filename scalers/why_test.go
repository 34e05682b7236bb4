package scalers_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestWhy(t *testing.T) {
	t.Run("a bound is a reason only if it decides", testBoundIsReasonOnlyIfItDecides)
	t.Run("a rule that a later one cancels is not a reason", testRuleThatLaterOneCancelsIsNotReason)
	t.Run("without a cooldown the reason does not mention one", testWithoutCooldownReasonDoesNotMentionOne)
	t.Run("a reason never has a clause twice", testReasonNeverHasClauseTwice)
	t.Run("sentence of two rate steps", testSentenceOfTwoRateSteps)
}

// reasonCase is a decision on a workload whose queue has ten messages for each replica, and the expected reasons.
type reasonCase struct {
	policy  scalers.Policy
	current int32
	level   scalers.Milli
	err     error
	memory  scalers.Memory
	why     string
	// limit is the rule that limits; "" for none.
	limit string
}

// check checks the reasons.
func (c *reasonCase) check(t *testing.T) {
	t.Helper()
	p := c.policy
	p.Triggers = []scalers.Trigger{{Name: "queue", Target: 10_000}}
	d := scalers.Decide(&p, scalers.Input{
		Now: epoch, Current: c.current, Memory: c.memory,
		Events: []scalers.Event{{At: epoch, Value: c.level, Current: c.current, Ready: c.current, Err: c.err}},
	})
	limit := ""
	if s, ok := d.Limit(); ok {
		limit = s.Rule.String()
	}
	if why := p.Why(&d); why != c.why || limit != c.limit {
		t.Errorf("Decide: got %d replicas, limited by %q: %s\nwant %q: %s", d.Replicas, limit, why, c.limit, c.why)
	}
}

func testBoundIsReasonOnlyIfItDecides(t *testing.T) {
	p := scalers.Policy{Min: 2, Max: 10, Idle: scalers.NoIdle}
	for name, c := range map[string]reasonCase{
		"below the minimum, more is proposed":        {policy: p, level: 60_000, why: "queue is 60, target 10 per replica: asks for 6"},
		"below the minimum, the minimum is proposed": {policy: p, level: 20_000, why: "raised from 0 to the minimum, 2"},
		"below the minimum, less is proposed": {
			policy: p, level: 10_000, why: "queue is 10, target 10 per replica: asks for 1; raised from 1 to the minimum, 2", limit: "minReplicaCount",
		},
		"below the minimum, and nothing is known": {
			policy: p, err: errors.New("refused"), why: "raised from 0 to the minimum, 2", limit: "minReplicaCount",
		},
		"above the maximum, more is proposed": {
			policy: p, current: 12, level: 150_000,
			why:   "queue is 150, target 10 per replica: asks for 15; lowered from 15 to the maximum, 10",
			limit: "maxReplicaCount",
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func testRuleThatLaterOneCancelsIsNotReason(t *testing.T) {
	tolerant := scalers.Policy{Min: 2, Max: 10, Idle: scalers.NoIdle, Up: scalers.Behavior{Tolerance: 100_000}}
	rests := scalers.Policy{Max: 10, Cooldown: time.Second, Down: scalers.Behavior{Window: time.Minute}}
	slow := rests
	slow.Down = scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 2, Period: time.Minute}}}
	active := scalers.Memory{LastActive: epoch.Add(-time.Minute)}
	for name, c := range map[string]reasonCase{
		"within the tolerance": {
			policy: tolerant, current: 8, level: 81_000,
			why: "queue is 81, target 10 per replica: asks for 9; kept at 8 instead of 9: queue is within 10% above its target",
		},
		"the window holds, and the cooldown is over": {
			policy: rests, current: 3, memory: active.Recommended(&rests, epoch.Add(-time.Second), 3),
			why: "queue is 0, target 10 per replica: asks for 0; " +
				"idle at 0 instead of 3: no trigger is active, and the cooldown is over (1s since a trigger was last active)",
		},
		"the cooldown is over, and the rate limits": {
			policy: slow, current: 8, memory: active,
			why: "queue is 0, target 10 per replica: asks for 0; limited to 6 instead of 0: scaling down by 2 pods in 1m, from 8 until " +
				epoch.Add(time.Minute).Time().Format("15:04:05Z"),
			limit: "rate",
		},
		"a workload at rest becomes active": {
			policy: rests, level: 50_000, why: "activated with 1: queue is active; queue is 50, target 10 per replica: asks for 5",
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func testWithoutCooldownReasonDoesNotMentionOne(t *testing.T) {
	p := scalers.Policy{Max: 10, Down: scalers.Behavior{Window: time.Minute}, Triggers: []scalers.Trigger{{Name: "queue", Target: 10_000}}}
	d := scalers.Decide(&p, scalers.Input{Now: epoch, Current: 3, Events: []scalers.Event{{At: epoch, Current: 3}}})
	if why := p.Why(&d); !strings.HasSuffix(why, "; idle at 0 instead of 3: no trigger is active, and there is no cooldown") {
		t.Errorf("Why: got %s, want it to end in the idle count without a cooldown", why)
	}
}

// started is the count that a clause starts from. It is all that differs between two clauses of one rule.
var started = regexp.MustCompile(` (?:from|instead of) \d+`)

func testReasonNeverHasClauseTwice(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		why := l.policy.Why(&l.last)
		seen := map[string]bool{}
		for clause := range strings.SplitSeq(why, "; ") {
			clause = started.ReplaceAllString(clause, "")
			if seen[clause] {
				l.fail(t, "Why: got %q twice, want it once: %s", clause, why)
			}
			seen[clause] = true
		}
	})
}

// The rate policies limit a change, and then the way to the idle count: each step has the numbers of its own direction.
func testSentenceOfTwoRateSteps(t *testing.T) {
	minute := time.Minute
	p := &scalers.Policy{
		Max: 20, Created: epoch.Add(-time.Hour),
		Up:       scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 1, Period: minute}, {Amount: 4, Period: minute}}},
		Down:     scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 3, Period: minute}}},
		Triggers: []scalers.Trigger{{Name: "queue", Target: 10_000, Activation: 500_000}},
	}
	in := scalers.Input{Now: epoch, Current: 8, Events: []scalers.Event{{At: epoch, Value: 200_000, Current: 8}}}
	d := scalers.Decide(p, in)
	var got []string
	for _, s := range d.Steps() {
		if s.Rule == scalers.RuleRate {
			got = append(got, p.Sentence(&d, s))
		}
	}
	want := []string{
		"limited to 12 instead of 20: scaling up by 4 pods in 1m, from 8 until 00:01:00Z",
		"limited to 5 instead of 0: scaling down by 3 pods in 1m, from 8 until 00:01:00Z",
	}
	if !slices.Equal(got, want) {
		t.Errorf("Sentence of the rate steps: got %q, want %q", got, want)
	}
}
