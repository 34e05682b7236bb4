package scalers_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// TestOrder holds the table of stages to the specification, and every decision to the table.
func TestOrder(t *testing.T) {
	rules, most := scalers.RulesInOrder()
	t.Run("the stages are those of the specification", func(t *testing.T) {
		want := [][]string{
			{"activation"},
			{"minReplicaCount", "maxReplicaCount"},
			{"formula"},
			{"tolerance"},
			{"unknown"},
			{"fallback"},
			{"stabilization"},
			{"rate"},
			{"cooldown", "idle", "rate"},
			{"minReplicaCount", "maxReplicaCount"},
			{"paused"},
		}
		if len(rules) != len(want) {
			t.Fatalf("got %d stages, want %d", len(rules), len(want))
		}
		for i, names := range want {
			if got := namesOf(rules[i]); !slices.Equal(got, names) {
				t.Errorf("stage %d: got the rules %v, want %v", i+1, got, names)
			}
		}
	})
	t.Run("the package documentation lists as many", func(t *testing.T) {
		text, err := os.ReadFile("doc.go")
		if err != nil {
			t.Fatal(err)
		}
		if got := len(regexp.MustCompile(`(?m)^//  \d+\. [A-Z][a-z]+: `).FindAll(text, -1)); got != len(rules) {
			t.Errorf("doc.go lists %d rules in order, want the %d of the table", got, len(rules))
		}
	})
	t.Run("there is room for the steps of the longest chain", func(t *testing.T) {
		sum := 0
		for _, n := range most {
			sum += n
		}
		if sum != scalers.MaxSteps {
			t.Errorf("got room for %d steps, want %d", scalers.MaxSteps, sum)
		}
	})
	t.Run("every decision keeps to the table", func(t *testing.T) {
		eachTimeline(t, 4, func(t *testing.T, l *timeline) {
			t.Helper()
			if i := strayStep(l.last.Steps(), rules, most); i >= 0 {
				l.fail(t, "got step %d of %v, which no stage of the table can leave there", i, rulesOf(l.last.Steps()))
			}
		})
	})
	t.Run("the order of the rules decides", testOrderOfRulesDecides)
}

// strayStep assigns each step to the first stage that can leave it, and returns the first step that has none; -1 for none.
func strayStep(steps []scalers.Step, rules [][]scalers.Rule, most []int) int {
	stage, left := 0, 0
	for i, s := range steps {
		for stage < len(rules) && (left == most[stage] || !slices.Contains(rules[stage], s.Rule)) {
			stage, left = stage+1, 0
		}
		if stage == len(rules) {
			return i
		}
		left++
	}
	return -1
}

func namesOf(rules []scalers.Rule) []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.String())
	}
	return names
}

func rulesOf(steps []scalers.Step) string {
	var rules []scalers.Rule
	for _, s := range steps {
		rules = append(rules, s.Rule)
	}
	return strings.Join(namesOf(rules), " ")
}

// orderCase is a decision that would differ, in its count or its steps, if two neighbours in the table were swapped.
type orderCase struct {
	policy  scalers.Policy
	current int32
	event   scalers.Event
	// other is the event of a second trigger; none when it is zero.
	other  scalers.Event
	memory scalers.Memory
	want   int32
	rules  string
}

func levelOf(n scalers.Milli, current int32) scalers.Event {
	return scalers.Event{At: epoch, Value: n * 1000, Current: current, Ready: current}
}

func atMost(n int32) scalers.Behavior {
	return scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: n, Period: time.Minute}}}
}

var failed = scalers.Event{At: epoch, Err: errSource}

// orderCases has a case for each pair of neighbours in the table.
var orderCases = map[string]orderCase{
	"activation, then the limits: the minimum does not start an idle workload": {
		policy: scalers.Policy{Min: 3, Max: 9}, event: levelOf(50, 0), want: 5, rules: "activation formula",
	},
	"the limits, then the formula: the rate counts from the limit": {
		policy: scalers.Policy{Min: 3, Max: 9, Idle: scalers.NoIdle, Up: atMost(2)}, event: levelOf(90, 1), current: 1,
		want: 5, rules: "minReplicaCount formula rate",
	},
	"the formula, then the tolerance": {
		policy: scalers.Policy{Min: 1, Max: 9, Idle: scalers.NoIdle, Up: scalers.Behavior{Tolerance: 100_000}}, event: levelOf(41, 4), current: 4,
		want: 4, rules: "formula tolerance",
	},
	"the tolerance, then the unknown": {
		policy: scalers.Policy{Min: 1, Max: 9, Idle: scalers.NoIdle}, event: levelOf(20, 4), other: failed, current: 4,
		want: 4, rules: "formula unknown",
	},
	"the unknown, then the fallback": {
		policy: scalers.Policy{Min: 1, Max: 9, Idle: scalers.NoIdle, Fallback: &scalers.Fallback{Replicas: 3}}, event: levelOf(20, 4), other: failed,
		current: 4, want: 3, rules: "formula unknown fallback",
	},
	"the fallback, then the window": {
		policy: scalers.Policy{
			Min: 1, Max: 9, Idle: scalers.NoIdle, Fallback: &scalers.Fallback{Replicas: 7}, Up: scalers.Behavior{Window: time.Second},
		},
		event: failed, current: 4, want: 4, rules: "fallback stabilization",
	},
	"the window, then the rate": {
		policy: scalers.Policy{
			Min: 1, Max: 9, Idle: scalers.NoIdle,
			Down: scalers.Behavior{Window: time.Second, Policies: []scalers.RatePolicy{{Amount: 1, Period: time.Minute}}},
		},
		event: levelOf(20, 8), current: 8, memory: recommendedBefore(6, 500*time.Millisecond),
		want: 7, rules: "formula stabilization rate",
	},
	"the rate, then the idle count": {
		policy: scalers.Policy{Max: 9, Down: atMost(3), InitialCooldown: 2 * time.Hour}, event: levelOf(0, 8), current: 8,
		want: 5, rules: "formula rate",
	},
	"the idle count, then the limits": {
		policy: scalers.Policy{Min: 2, Max: 9}, event: levelOf(0, 2), current: 2, want: 0, rules: "formula",
	},
	"the limits, then the pause": {
		policy: scalers.Policy{Min: 2, Max: 9, Idle: scalers.NoIdle, Paused: scalers.Paused{Fixed: true, At: 20}}, event: levelOf(200, 4), current: 4,
		want: 20, rules: "formula maxReplicaCount paused",
	},
}

func testOrderOfRulesDecides(t *testing.T) {
	for name, c := range orderCases {
		t.Run(name, func(t *testing.T) {
			p := c.policy
			p.Triggers, p.Created = []scalers.Trigger{{Name: "queue", Target: 10_000}}, epoch.Add(-time.Hour)
			events := []scalers.Event{c.event}
			if c.other.At != 0 {
				p.Triggers, events = append(p.Triggers, scalers.Trigger{Name: "other", Target: 10_000}), append(events, c.other)
			}
			d := scalers.Decide(&p, scalers.Input{Now: epoch, Current: c.current, Events: events, Memory: c.memory})
			if got := rulesOf(d.Steps()); d.Replicas != c.want || got != c.rules {
				t.Errorf("at %d replicas: got %d by %q, want %d by %q\n%s", c.current, d.Replicas, got, c.want, c.rules, p.Why(&d))
			}
		})
	}
}

// recommendedBefore returns a memory in which n was recommended for some time before the epoch.
func recommendedBefore(n int32, ago time.Duration) scalers.Memory {
	p := scalers.Policy{Down: scalers.Behavior{Window: time.Second}}
	return scalers.Memory{}.Recommended(&p, epoch.Add(-ago), n)
}
