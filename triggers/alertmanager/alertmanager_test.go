package alertmanager

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestAlertmanager(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
	t.Run("the level is that of the selected alerts", testLevelIsThatOfSelectedAlerts)
	t.Run("matchers have Alertmanager's meaning", testMatchersHaveAlertmanagersMeaning)
	t.Run("an incomplete matcher is refused with its position", testIncompleteMatcherIsRefusedWithItsPosition)
	t.Run("mistakes are reported", testMistakesAreReported)
}

// fakeAlerts is a triggers.Alerts whose firing alerts the test sets.
type fakeAlerts struct {
	mu       sync.Mutex
	alerts   []triggers.Alert
	err      error
	watchers map[int]func()
	next     int
}

// Follow is triggers.Alerts'.
func (b *fakeAlerts) Follow(q triggers.AlertQuery, changed func(triggers.Cause, []triggers.Alert, error)) (stop func()) {
	show := func() {
		var selected []triggers.Alert
		for _, a := range b.alerts {
			if q.Match(a.Labels) {
				selected = append(selected, a)
			}
		}
		changed(triggers.Cause{At: time.Now()}, selected, b.err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watchers == nil {
		b.watchers = map[int]func(){}
	}
	id := b.next
	b.next++
	b.watchers[id] = show
	show()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, id)
	}
}

func (b *fakeAlerts) set(err error, alerts ...triggers.Alert) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alerts, b.err = alerts, err
	for _, show := range b.watchers {
		show()
	}
}

func testItConformsToContractOfTriggers(t *testing.T) {
	b := &fakeAlerts{}
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: map[string]string{"matchers": `{alertname="Slow"}`, "replicas": "5"},
		Env:      triggers.Env{Alerts: b},
		Break:    func(testing.TB) { b.set(errors.New("the recorded alerts are not loaded yet")) },
		Repair:   func(testing.TB) { b.set(nil, alert("Slow", "", "")) },
	})
}

func alert(name, value, severity string) triggers.Alert {
	a := triggers.Alert{Labels: map[string]string{"alertname": name}, Annotations: map[string]string{}}
	if severity != "" {
		a.Labels["severity"] = severity
	}
	if value != "" {
		a.Annotations["value"], a.Labels["size"] = value, value
	}
	return a
}

func testLevelIsThatOfSelectedAlerts(t *testing.T) {
	two := []triggers.Alert{alert("Slow", "1.5", ""), alert("Slow", "4", "")}
	cases := []struct {
		name   string
		config Config
		alerts []triggers.Alert
		want   scalers.Milli
		err    string
	}{
		{"replicas while one fires", Config{Replicas: 5, Value: "count"}, two, 5000, ""},
		{"and none otherwise", Config{Replicas: 5, Value: "count"}, nil, 0, ""},
		{"counted", Config{Threshold: 1, Value: "count", Aggregation: "sum"}, two, 2000, ""},
		{"none counts as none", Config{Threshold: 1, Value: "count", Aggregation: "avg"}, nil, 0, ""},
		{"summed", Config{Threshold: 1, Value: "annotation:value", Aggregation: "sum"}, two, 5500, ""},
		{"the largest", Config{Threshold: 1, Value: "label:size", Aggregation: "max"}, two, 4000, ""},
		{"the mean", Config{Threshold: 1, Value: "label:size", Aggregation: "avg"}, two, 2750, ""},
		{"a mean is rounded away from zero", Config{Threshold: 1, Value: "label:size", Aggregation: "avg"}, []triggers.Alert{alert("a", "0.001", ""), alert("b", "0", "")}, 1, ""},
		{"no number is unknown", Config{Threshold: 1, Value: "annotation:value", Aggregation: "sum"}, append(two, alert("Slow", "many", "")), 0, `"many"`},
		{"a missing one too", Config{Threshold: 1, Value: "annotation:value", Aggregation: "sum"}, append(two, alert("Slow", "", "")), 0, "has no annotation value"},
		{"NaN too", Config{Threshold: 1, Value: "annotation:value", Aggregation: "max"}, []triggers.Alert{alert("Slow", "NaN", "")}, 0, "not a finite number"},
		{"a sum saturates", Config{Threshold: 1, Value: "label:size", Aggregation: "sum"}, []triggers.Alert{alert("a", "9e18", ""), alert("b", "9e18", "")}, 1<<63 - 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := c.config.Level(c.alerts, time.Now())
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, expected one about %s", err, c.err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%v, %v, expected %v", got, err, c.want)
			}
		})
	}
}

func testMatchersHaveAlertmanagersMeaning(t *testing.T) {
	page := alert("Slow", "", "page").Labels
	cases := map[string]bool{
		`{alertname="Slow"}`:                               true,
		`alertname=Slow`:                                   true,
		`{alertname="Slow", severity=~"page|warn"}`:        true,
		`{alertname="Slow", severity=~"pag"}`:              false,
		`{alertname="Slow", severity!="page"}`:             false,
		`{alertname="Slow", team=""}`:                      true,
		`{alertname="Slow", team!=""}`:                     false,
		`{alertname=~"S.*", severity!~"warn|info"}`:        true,
		`{alertname="Slow",severity="page",cluster="one"}`: false,
	}
	for text, want := range cases {
		m, err := parseMatchers(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := matches(m)(page); got != want {
			t.Errorf("%s: %v, expected %v", text, got, want)
		}
	}
}

func testIncompleteMatcherIsRefusedWithItsPosition(t *testing.T) {
	for text, want := range map[string]string{
		`{alertname=`:       "0:11: end of input: expected label value",
		`{alertname=}`:      "11:12: unexpected }: expected label value",
		`alertname=`:        "0:10: end of input: expected label value",
		`{alertname`:        "0:10: end of input: expected an operator",
		`{alertname="a"`:    "0:14: end of input: expected close brace",
		`alertname="a"}`:    "0:14: }: expected opening brace",
		`{alertname=a b`:    "13:14: unexpected b",
		`{a="b" c="d"}`:     "7:8: unexpected c",
		`a="b",c=`:          "0:8: end of input: expected label value",
		`{a="b", c=d e, =}`: "12:13: unexpected e",
	} {
		if m, err := parseMatchers(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; expected %s", text, m, err, want)
		}
	}
	for _, text := range []string{`{alertname=a b}`, `alertname=a=b`, `a="b",`, `{a=""}`, `a=~b|c`} {
		if _, err := parseMatchers(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func testMistakesAreReported(t *testing.T) {
	cases := []struct {
		metadata map[string]string
		want     string
	}{
		{map[string]string{"matchers": `{a="b"}`}, "replicas: is required, or threshold, or step"},
		{map[string]string{"matchers": `{a="b"}`, "replicas": "3", "threshold": "1"}, "threshold: has no effect with replicas"},
		{map[string]string{"matchers": `{a=~"["}`, "replicas": "3"}, "matchers: is not in Alertmanager's syntax"},
		{map[string]string{"matchers": `{}`, "replicas": "3"}, "matchers: selects every alert"},
		{map[string]string{"matchers": `{a="b"}`, "threshold": "1", "value": "sum"}, `value: "sum" is unknown`},
		{map[string]string{"matchers": `{a="b"}`, "threshold": "1", "aggregation": "mean"}, `aggregation: "mean" is unknown`},
		{map[string]string{"matchers": `{a="b"}`, "threshold": "1", "scope": "all"}, `scope: "all" is unknown`},
		{map[string]string{"matchers": `{a="b"}`, "replicas": "-1"}, "replicas: -1 is below 0"},
	}
	for _, c := range cases {
		if _, err := Kind().Decode(c.metadata); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %q", c.metadata, err, c.want)
		}
	}
}

func FuzzMatchers(f *testing.F) {
	for _, seed := range []string{`{a="b"}`, `a=~"(",`, `{`, `"a b"!="c"`, "\xff=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		config, err := Kind().Decode(map[string]string{"matchers": text, "replicas": "1"})
		if err != nil {
			return
		}
		if _, err := Kind().Open(config, triggers.Env{}); err != nil {
			t.Errorf("%q decodes but does not open: %v", text, err)
		}
	})
}
