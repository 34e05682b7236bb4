package scalers_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

var rewrite = flag.Bool("rewrite", false, "write the present answers into testdata; commit a change only when you understand it")

// TestScenarios plays each testdata/*.txt and compares the decisions with the file, word for word. A scenario is a list of
// commands; lines that begin with a blank are the answers:
//
//	policy KEY=VALUE...             the policy; its keys are in scenario_policy_test.go
//	trigger NAME KEY=VALUE...       a trigger of it
//	replicas N                      the count at the start
//	at TIME [replicas=N] [ready=N] [paused=HOW] [force=on] [restart] [lost] [NAME=LEVEL...]
//	                                what happens at an instant, in this order: another client writes the count, levels (or
//	                                err, or >=LEVEL for a least value) arrive; then one decision. Before it, there is a decision
//	                                at each Next, which is shown when the count changes. A level of single pods is
//	                                TIMES*USAGE/REQUEST!WHAT,... where TIMES, REQUEST and WHAT may be left out, and USAGE is -
//	                                without a sample
func TestScenarios(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := playScenario(t, string(text))
			if *rewrite {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(text); got != want {
				t.Errorf("%s\n%s\ngo test -run TestScenarios -rewrite writes what is decided now", path, firstDifference(want, got))
			}
		})
	}
}

// firstDifference shows the first line that differs, with the command it answers.
func firstDifference(want, got string) string {
	command := ""
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(wants), len(gots)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(wants) {
			a = wants[i]
		}
		if i < len(gots) {
			b = gots[i]
		}
		if a != b {
			return fmt.Sprintf("after  %s\nwant   %s\ngot    %s", command, a, b)
		}
		if !strings.HasPrefix(a, " ") {
			command = a
		}
	}
	return ""
}

// scenario is the state of a scenario that is being played.
type scenario struct {
	t      *testing.T
	policy *scalers.Policy
	// start is the count at t = 0.
	start int32
	w     *workload
	ready int32
	out   strings.Builder
}

// playScenario returns the text with the present answers.
func playScenario(t *testing.T, text string) string {
	t.Helper()
	s := &scenario{t: t, policy: newScenarioPolicy(), ready: -1}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") {
			continue
		}
		s.out.WriteString(line)
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		switch fields[0] {
		case "policy":
			s.setPolicy(fields[1:])
		case "trigger":
			s.addTrigger(fields[1], fields[2:])
		case "replicas":
			s.start = s.count(fields[1])
		case "at":
			s.playAt(s.duration(fields[1]), fields[2:])
		default:
			t.Fatalf("no such command: %s", line)
		}
	}
	return s.out.String()
}

// playAt plays the events of an instant, and decides.
func (s *scenario) playAt(at time.Duration, things []string) {
	s.begin()
	s.wakeUntil(at)
	for _, thing := range things {
		key, value, _ := strings.Cut(thing, "=")
		switch key {
		case "replicas":
			s.w.scale(at, s.count(value))
		case "ready":
			s.ready = s.count(value)
		case "paused":
			s.policy.Paused = s.paused(value)
		case "force":
			s.policy.ForceActivation = value == "on"
		case "restart":
			s.restart(at)
		case "lost":
			s.w.memory = scalers.Memory{}
		default:
			s.level(at, key, value)
		}
	}
	s.w.decide(at)
	s.answer(at, "")
}

// begin makes the workload, once the policy is complete.
func (s *scenario) begin() {
	if s.w != nil {
		return
	}
	if err := s.policy.Validate(); err != nil {
		s.t.Fatal(err)
	}
	s.w = newWorkload(s.policy, s.start)
}

// wakeUntil decides at each Next before an instant, and shows the answers that change the count.
func (s *scenario) wakeUntil(at time.Duration) {
	for s.w.last.Next < epoch.Add(at) {
		wake, before := s.w.last.Next.Sub(epoch), s.w.current
		s.w.decide(wake)
		if s.w.current != before {
			s.answer(wake, "wakes: ")
		}
	}
}

// answer writes the last decision.
func (s *scenario) answer(at time.Duration, how string) {
	d := &s.w.last
	fmt.Fprintf(&s.out, "  %s: %s%d", at, how, d.Replicas)
	if d.Winner >= 0 {
		fmt.Fprintf(&s.out, ", raw %d by %s", d.Raw, s.policy.Triggers[d.Winner].Name)
	}
	if names := d.LimitedBy(); len(names) > 0 {
		fmt.Fprintf(&s.out, ", limited by %s", strings.Join(names, " "))
	}
	if d.Next != scalers.Never {
		fmt.Fprintf(&s.out, ", next %s", d.Next.Sub(epoch))
	}
	s.out.WriteString("\n")
	if len(d.Steps()) == 0 {
		fmt.Fprintf(&s.out, "    %s\n", s.policy.Why(d))
	}
	for _, step := range d.Steps() {
		fmt.Fprintf(&s.out, "    %s\n", s.policy.Sentence(d, step))
	}
}

// level gives a trigger a reading.
func (s *scenario) level(at time.Duration, name, value string) {
	for i := range s.policy.Triggers {
		if s.policy.Triggers[i].Name == name {
			if s.policy.Triggers[i].PerPod && value != "err" {
				s.w.readPods(i, at, s.pods(epoch.Add(at), value))
				return
			}
			least, atLeast := strings.CutPrefix(value, ">=")
			if s.w.read(i, at, expand(s.t, least)[0]); atLeast {
				s.w.events[i].Err, s.w.events[i].AtLeast = errSource, true
			}
			if s.ready >= 0 {
				s.w.events[i].Ready = s.ready
			}
			return
		}
	}
	s.t.Fatalf("no trigger %s", name)
}

// pods parses the level of single pods, which have been ready for a day unless WHAT states otherwise.
func (s *scenario) pods(at scalers.Instant, text string) []scalers.Pod {
	var pods []scalers.Pod
	for one := range strings.SplitSeq(text, ",") {
		one, what, _ := strings.Cut(one, "!")
		times, of, many := strings.Cut(one, "*")
		if !many {
			times, of = "1", one
		}
		usage, request, requested := strings.Cut(of, "/")
		pod := oldPod(at, 0, 0)
		if pod.HasRequest = requested; requested {
			pod.Request = number(s.t, request)
		}
		if pod.Sampled = usage != "-"; pod.Sampled {
			pod.Usage = number(s.t, usage)
		}
		switch what {
		case "":
		case "pending":
			pod.Phase = scalers.PodPending
		case "deleting":
			pod.Deleting = true
		case "unready":
			pod.NotReady = true
		case "starting":
			pod.Started, pod.ReadyChanged = at.Add(-10*time.Second), at.Add(-5*time.Second)
		case "unlisted":
			pod.Unlisted = true
		default:
			s.t.Fatalf("no such pod: %s", text)
		}
		pods = append(pods, podsOf(int(s.count(times)), pod)...)
	}
	return pods
}

// restart drops everything except the encoded memory.
func (s *scenario) restart(at time.Duration) {
	text, err := s.w.memory.MarshalText()
	if err != nil {
		s.t.Fatal(err)
	}
	var m scalers.Memory
	if err := m.UnmarshalText(text); err != nil {
		s.t.Fatal(err)
	}
	s.w.memory = m.Resume(epoch.Add(at))
	clear(s.w.events)
}

func (s *scenario) count(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		s.t.Fatal(err)
	}
	return int32(n)
}

func (s *scenario) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}
