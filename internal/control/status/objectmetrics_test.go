package status

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestObjectMetrics(t *testing.T) {
	t.Run("they show the present state of each object and trigger", testTheyShowPresentStateOfEachObjectAndTrigger)
	t.Run("what is unknown has no value", testWhatIsUnknownHasNoValue)
	t.Run("the trigger of a formula has a level, and its inputs ask for no replicas", testTriggerOfFormulaHasLevelAndItsInputsAskForNoReplicas)
	t.Run("nothing is left of a trigger, an autoscaler or an object that is gone", testNothingIsLeftOfWhatIsGone)
	t.Run("a process that does not lead exports none", testProcessThatDoesNotLeadExportsNone)
	t.Run("a report on a deleted object brings nothing of it back", testReportOnDeletedObjectBringsNothingBack)
}

// running is an autoscaler that stands still.
type running struct{ outcome *autoscaler.Outcome }

func (r *running) Inspect(read func(*autoscaler.Outcome)) { read(r.outcome) }
func (r *running) Waiting() int                           { return 2 }

// observe reports the decision on a level and has the metrics show it. It returns the function that ends that.
func (d *env) observe(level int64, err error) (stopped func()) {
	a := &running{}
	d.reportLevel(level, err, func(o *autoscaler.Outcome) { a.outcome = o })
	return d.reporter.Running(d.spec, a)
}

// exported returns the series of a leader as NAME{LABEL="VALUE",…} VALUE, without those of conditions and times.
func (d *env) exported(leader *Reporter) []string {
	d.t.Helper()
	var all []string
	for _, f := range d.scraped(leader) {
		for _, m := range f.GetMetric() {
			var of []string
			for _, l := range m.GetLabel() {
				of = append(of, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if name := strings.TrimPrefix(f.GetName(), "impulse_"); name != "trigger_last_reading_timestamp_seconds" {
				all = append(all, fmt.Sprintf("%s{%s} %g", name, strings.Join(of, ","), m.GetGauge().GetValue()+m.GetCounter().GetValue()))
			}
		}
	}
	return all
}

// scraped returns the metrics of a leader as a client reads them. It fails the test unless they are as a registry requires.
func (d *env) scraped(leader *Reporter) map[string]*dto.MetricFamily {
	d.t.Helper()
	var text bytes.Buffer
	objects := ObjectMetrics{Leader: func() *Reporter { return leader }}
	encoder := expfmt.NewEncoder(&text, expfmt.NewFormat(expfmt.TypeTextPlain))
	var described []string
	descs := make(chan *prometheus.Desc, 100)
	objects.Describe(descs)
	close(descs)
	for desc := range descs {
		described = append(described, desc.String())
	}
	if err := objects.Encode(func(f *dto.MetricFamily) error {
		d.expectValid(f, described)
		return encoder.Encode(f)
	}); err != nil {
		d.t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		d.t.Fatal(err)
	}
	return families
}

// expectValid fails the test unless each sample of a family has other labels, in the order of their names, and as a descriptor has them.
func (d *env) expectValid(f *dto.MetricFamily, described []string) {
	d.t.Helper()
	seen := map[string]bool{}
	for _, m := range f.GetMetric() {
		var names, both []string
		for _, l := range m.GetLabel() {
			names, both = append(names, l.GetName()), append(both, l.GetName()+"="+l.GetValue())
		}
		if key := strings.Join(both, ","); seen[key] || !slices.IsSorted(names) {
			d.t.Errorf("%s has two samples, or labels in another order, with %s", f.GetName(), key)
		} else {
			seen[key] = true
		}
		if !slices.ContainsFunc(described, func(desc string) bool {
			_, listed, _ := strings.Cut(strings.TrimSuffix(desc, "}}"), "variableLabels: {")
			labels := strings.Split(listed, ",")
			slices.Sort(labels)
			return strings.Contains(desc, strconv.Quote(f.GetName())) && strings.Contains(desc, strconv.Quote(f.GetHelp())) && slices.Equal(labels, names)
		}) {
			d.t.Errorf("no descriptor of %v is that of %s with %v", described, f.GetName(), names)
		}
	}
}

// expectSeries fails the test unless the leader exports these series, and conditions.
func (d *env) expectSeries(want ...string) {
	d.t.Helper()
	const object = `namespace="shop",scaledobject="web"`
	got := slices.DeleteFunc(d.exported(d.reporter), func(s string) bool { return strings.HasPrefix(s, "condition{") })
	for i := range want {
		want[i] = strings.Replace(want[i], "OBJECT", object, 1)
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		d.t.Errorf("the leader exports\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func testTheyShowPresentStateOfEachObjectAndTrigger(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Triggers[0].Kind = triggers.Kind{Name: "prometheus"}
		d.observe(250, nil)
		const trigger = `{OBJECT,trigger="queue",type="prometheus"} `
		d.expectSeries(
			"current_replicas{OBJECT} 3", "desired_replicas{OBJECT} 10", "min_replicas{OBJECT} 1", "max_replicas{OBJECT} 10",
			`limited_by{namespace="shop",rule="maxReplicaCount",scaledobject="web"} 1`,
			"trigger_known"+trigger+"1", "trigger_value"+trigger+"250", "trigger_target"+trigger+"10", "trigger_raw_replicas"+trigger+"25",
			"trigger_errors_total"+trigger+"0",
		)
		all := strings.Join(d.exported(d.reporter), "\n")
		for kind, is := range map[string]int{"Ready": 1, "Active": 1, "Paused": 0, "AbleToScale": 1, "ScalingLimited": 1} {
			if want := fmt.Sprintf(`condition{condition="%s",namespace="shop",scaledobject="web"} %d`, kind, is); !strings.Contains(all, want) {
				t.Errorf("the leader exports\n%s\nwant %s", all, want)
			}
		}
		if n := d.reporter.WaitingReadings(); n != 2 {
			t.Errorf("%d readings wait, want 2", n)
		}
	})
}

func testWhatIsUnknownHasNoValue(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.spec.Policy.Fallback = &scalers.Fallback{FailureThreshold: 0, Replicas: 4}
		const trigger = `{OBJECT,trigger="queue",type=""} `
		limited := `limited_by{namespace="shop",rule="fallback",scaledobject="web"} 1`
		d.observe(0, errors.New("connection refused"))
		d.expectSeries(
			"current_replicas{OBJECT} 3", "desired_replicas{OBJECT} 4", "min_replicas{OBJECT} 1", "max_replicas{OBJECT} 10", limited,
			"trigger_known"+trigger+"0", "trigger_target"+trigger+"10", "trigger_fallback"+trigger+"1", "trigger_errors_total"+trigger+"1",
		)
		a := &running{}
		d.reportLevel(0, errors.New("connection refused"), func(o *autoscaler.Outcome) {
			o.TargetKnown, o.Decided, a.outcome = false, false, o
		})
		d.reporter.Running(d.spec, a)
		d.expectSeries(
			"min_replicas{OBJECT} 1", "max_replicas{OBJECT} 10",
			"trigger_known"+trigger+"0", "trigger_target"+trigger+"10", "trigger_errors_total"+trigger+"2",
		)
	})
}

func testTriggerOfFormulaHasLevelAndItsInputsAskForNoReplicas(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		p := d.spec.Policy
		p.Triggers[0].Input = true
		p.Triggers = append(p.Triggers, scalers.Trigger{Name: compile.Composite, Target: 10_000, Formula: func(levels []scalers.Level) (scalers.Milli, error) {
			return 2 * levels[0].Value, nil
		}})
		d.observe(30, nil)
		input, formula := `{OBJECT,trigger="queue",type=""} `, `{OBJECT,trigger="`+compile.Composite+`",type="formula"} `
		d.expectSeries(
			"current_replicas{OBJECT} 3", "desired_replicas{OBJECT} 6", "min_replicas{OBJECT} 1", "max_replicas{OBJECT} 10",
			"trigger_known"+input+"1", "trigger_value"+input+"30", "trigger_errors_total"+input+"0",
			"trigger_known"+formula+"1", "trigger_value"+formula+"60", "trigger_target"+formula+"10", "trigger_raw_replicas"+formula+"6",
		)
	})
}

func testNothingIsLeftOfWhatIsGone(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.setWorkload(2, 3)
		d.observe(30, errors.New("connection refused"))
		one := *d.spec
		one.Triggers, one.Policy = one.Triggers[1:], &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle, Triggers: d.spec.Policy.Triggers[1:]}
		d.spec = &one
		d.reporter.Accepted(d.spec)
		stopped := d.observe(30, nil)
		if all := strings.Join(d.exported(d.reporter), "\n"); strings.Contains(all, `trigger="a"`) || !strings.Contains(all, `trigger="b"`) {
			t.Errorf("after trigger a was removed, the leader exports\n%s", all)
		}
		if errors := d.reporter.objects["shop/web"].errors; len(errors) > 0 {
			t.Errorf("after trigger a was removed, errors of %v are counted", errors)
		}
		stopped()
		d.expectSeries()
		d.observe(30, nil)
		stopped()
		if len(d.exported(d.reporter)) < 10 {
			t.Error("the end of an earlier autoscaler ends the metrics of the next one")
		}
		d.reporter.Forget("shop", "web")
		if all := d.exported(d.reporter); len(all) > 0 {
			t.Errorf("after the object was deleted, the leader exports %v", all)
		}
	})
}

func testProcessThatDoesNotLeadExportsNone(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.observe(30, nil)
		if all := d.exported(nil); len(all) > 0 {
			t.Errorf("a process that does not lead exports %v", all)
		}
	})
}

func testReportOnDeletedObjectBringsNothingBack(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.reportLevel(30, nil)
		d.reporter.Forget("shop", "web")
		before := d.written()
		d.observe(70, nil) // The report of a write that was in flight, and an autoscaler that begins too late.
		if all := d.exported(d.reporter); len(all) > 0 || len(d.reporter.objects) > 0 || d.written() > before {
			t.Errorf("after the object was deleted, the reporter has the objects %v, exports %v, and has written %d statuses more", d.reporter.objects, all, d.written()-before)
		}
		replacement := *d.spec
		replacement.UID = "new"
		d.reporter.Resume(&replacement, &v1alpha1.ScaledObjectStatus{})
		d.observe(70, nil)
		if o := d.reporter.objects["shop/web"]; o.UID != "new" || o.running != nil {
			t.Errorf("a report on the deleted object replaced the state of the new one: %+v", o)
		}
	})
}
