package status

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

func TestArgoCD(t *testing.T) {
	t.Run("the health of an object follows from its status", testHealthOfObjectFollowsFromItsStatus)
	t.Run("an object without a status is progressing", testObjectWithoutStatusIsProgressing)
	t.Run("an action changes what the command changes", testActionChangesWhatCommandChanges)
	t.Run("an action without an effect is disabled", testActionWithoutEffectIsDisabled)
}

// scripts is the folder of the scripts of a ScaledObject.
const scripts = "../../../deploy/argocd/impulse.sh/ScaledObject"

// runLua runs a script on an object with the libraries that Argo CD opens for scripts in its ConfigMap: package, base and table, of which this test
// opens no package. It returns the table that the script returns.
func runLua(t *testing.T, script string, object any) map[string]any {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(scripts, script))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	l.SetGlobal("obj", toLua(l, value))
	if err := l.DoString(string(source)); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	result, ok := fromLua(l.Get(-1)).(map[string]any)
	if !ok {
		t.Fatalf("%s returns %v, want a table", script, l.Get(-1))
	}
	return result
}

// toLua converts a value of JSON.
func toLua(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case string:
		return lua.LString(v)
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(toLua(l, item))
		}
		return table
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, toLua(l, item))
		}
		return table
	default:
		return lua.LNil
	}
}

// fromLua converts a value to JSON as Argo CD does: an empty table is a list.
func fromLua(value lua.LValue) any {
	switch v := value.(type) {
	case lua.LBool:
		return bool(v)
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		return string(v)
	case *lua.LTable:
		if key, _ := v.Next(lua.LNil); key == lua.LNil || key.Type() == lua.LTNumber {
			list := []any{}
			v.ForEach(func(_, item lua.LValue) { list = append(list, fromLua(item)) })
			return list
		}
		table := map[string]any{}
		v.ForEach(func(key, item lua.LValue) { table[key.String()] = fromLua(item) })
		return table
	default:
		return nil
	}
}

// health returns the health of an object with a status, and its message.
func health(t *testing.T, s *v1alpha1.ScaledObjectStatus) string {
	t.Helper()
	so := &v1alpha1.ScaledObject{}
	so.Generation, so.Status = s.ObservedGeneration, *s
	h := runLua(t, "health.lua", so)
	return h["status"].(string) + ": " + h["message"].(string)
}

func testHealthOfObjectFollowsFromItsStatus(t *testing.T) {
	pause := func(p scalers.Paused) func(*env) { return func(d *env) { d.spec.Policy.Paused = p } }
	unread := func(p *autoscaler.Outcome) { p.Events = []scalers.Event{{Trigger: "queue"}} }
	waited := func(d *env) {
		d.reportLevel(30, nil, unread)
		<-time.After(startGrace)
	}
	for name, c := range map[string]struct {
		prepare func(*env)
		err     error
		edit    func(*autoscaler.Outcome)
		want    string
	}{
		"as recommended":       {want: "Healthy: AsRecommended"},
		"a failing trigger":    {err: errors.New("refused"), want: "Degraded: TriggerFailed: queue: refused"},
		"no target":            {edit: missingTarget(actuator.ErrNotFound), want: "Degraded: TargetNotFound: "},
		"no permission":        {edit: missingTarget(actuator.ErrForbidden), want: "Degraded: Forbidden: "},
		"an HPA":               {edit: func(p *autoscaler.Outcome) { p.Target.ForeignHPA = "theirs" }, want: "Degraded: ForeignHPA: "},
		"a failed write":       {edit: func(p *autoscaler.Outcome) { p.WriteErr = errors.New("no answer") }, want: "Degraded: ScaleFailed: no answer"},
		"a denied write":       {edit: func(p *autoscaler.Outcome) { p.WriteErr = actuator.ErrDenied }, want: "Degraded: DeniedByAdmission: "},
		"contested":            {edit: func(p *autoscaler.Outcome) { p.Contested = true }, want: "Degraded: Contested: "},
		"an unread target":     {edit: missingTarget(errors.New("no answer")), want: "Progressing: TargetUnknown: "},
		"an unread trigger":    {prepare: waited, edit: unread, want: "Progressing: WaitingForTriggers: "},
		"a pause":              {prepare: pause(scalers.Paused{All: true, Until: scalers.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), Reason: "drain"}), want: "Suspended: Paused: "},
		"a count by hand":      {prepare: pause(scalers.Paused{Fixed: true, At: 7}), want: "Suspended: PausedReplicas: "},
		"a pause of one way":   {prepare: pause(scalers.Paused{In: true}), want: "Healthy: PausedScaleIn: "},
		"a dry run":            {prepare: func(d *env) { d.spec.DryRun = true }, want: "Suspended: DryRun: "},
		"a pause that failing": {prepare: pause(scalers.Paused{All: true}), err: errors.New("refused"), want: "Degraded: TriggerFailed: "},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
				if c.prepare != nil {
					c.prepare(d)
				}
				edits := []func(*autoscaler.Outcome){}
				if c.edit != nil {
					edits = append(edits, c.edit)
				}
				if got := health(t, d.reportLevel(30, c.err, edits...)); !strings.HasPrefix(got, c.want) {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		so := &v1alpha1.ScaledObject{}
		so.Namespace, so.Name = "shop", "web"
		for _, reason := range []string{v1alpha1.ReasonInvalidSpec, v1alpha1.ReasonTargetInUse} {
			d.reporter.Refused(so, reason, "because", false)
			<-time.After(2 * minInterval)
			synctest.Wait()
			if got := health(t, d.last()); got != "Degraded: "+reason+": because" {
				t.Errorf("got %s, want it degraded by %s", got, reason)
			}
		}
	})
}

func testObjectWithoutStatusIsProgressing(t *testing.T) {
	if got := health(t, &v1alpha1.ScaledObjectStatus{}); got != "Progressing: Impulse has not decided on this object yet" {
		t.Errorf("got %s", got)
	}
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		so := &v1alpha1.ScaledObject{}
		so.Status = *d.reportLevel(30, nil)
		so.Generation = so.Status.ObservedGeneration + 1
		if h := runLua(t, "health.lua", so); h["status"] != "Progressing" {
			t.Errorf("a newer version: got %v", h)
		}
	})
}

// act runs an action on an object with annotations, and returns the annotations and spec.dryRun that Argo CD patches then: it keeps the old map
// where a script returns an empty table.
func act(t *testing.T, action string, annotations map[string]string, dryRun bool) (after map[string]string, on bool) {
	t.Helper()
	so := &v1alpha1.ScaledObject{}
	so.Annotations, so.Spec.DryRun = annotations, dryRun
	result := runLua(t, "actions/"+action+"/action.lua", so)
	metadata, _ := result["metadata"].(map[string]any)
	spec, _ := result["spec"].(map[string]any)
	on, _ = spec["dryRun"].(bool)
	switch of := metadata["annotations"].(type) {
	case []any:
		return annotations, on
	case map[string]any:
		after = map[string]string{}
		for key, value := range of {
			after[key] = value.(string)
		}
	}
	return after, on
}

func testActionChangesWhatCommandChanges(t *testing.T) {
	paused := map[string]string{
		"impulse.sh/paused-scale-in": "true", "impulse.sh/paused-until": "2026-01-01T00:00:00Z", "impulse.sh/paused-reason": "old", "autoscaling.keda.sh/paused-replicas": "3",
	}
	others := map[string]string{"team": "shop", "autoscaling.keda.sh/force-activation": "true"}
	both := maps.Clone(paused)
	maps.Copy(both, others)
	pause := map[string]string{"impulse.sh/paused": "true", "impulse.sh/paused-reason": "paused in Argo CD"}
	pauseBeside := maps.Clone(pause)
	maps.Copy(pauseBeside, others)
	for name, c := range map[string]struct {
		action        string
		before, after map[string]string
	}{
		"pause":                       {"pause", nil, pause},
		"pause replaces a pause":      {"pause", both, pauseBeside},
		"resume":                      {"resume", both, others},
		"resume, and nothing is left": {"resume", paused, nil},
		"dry-run-on":                  {"dry-run-on", others, others},
		"dry-run-off":                 {"dry-run-off", others, others},
	} {
		after, on := act(t, c.action, maps.Clone(c.before), c.action == "dry-run-off")
		if !maps.Equal(after, c.after) || on != (c.action == "dry-run-on") {
			t.Errorf("%s: got %v and dry run %t, want %v", name, after, on, c.after)
		}
		so := &v1alpha1.ScaledObject{}
		so.Annotations = after
		if got := compile.PauseAt(so, time.Now()).All; got != (c.action == "pause") {
			t.Errorf("%s: got an object that is paused: %t", name, got)
		}
	}
}

func testActionWithoutEffectIsDisabled(t *testing.T) {
	for name, c := range map[string]struct {
		annotations map[string]string
		paused      string
		dryRun      bool
		enabled     string
	}{
		"not paused":         {nil, "NotPaused", false, "dry-run-on pause"},
		"paused":             {map[string]string{"impulse.sh/paused": "true"}, "Paused", true, "dry-run-off resume"},
		"a pause that ended": {map[string]string{"impulse.sh/paused": "true"}, "NotPaused", false, "dry-run-on pause resume"},
		"a count by hand":    {map[string]string{"autoscaling.keda.sh/paused-replicas": "3"}, "PausedReplicas", false, "dry-run-on pause resume"},
	} {
		so := &v1alpha1.ScaledObject{}
		so.Annotations, so.Spec.DryRun = c.annotations, c.dryRun
		conditions := conditions{}
		conditions.set(v1alpha1.ConditionPaused, c.paused != v1alpha1.ReasonNotPaused, c.paused, "", 1)
		so.Status.Conditions = conditions.list
		var enabled []string
		actions := runLua(t, "actions/discovery.lua", so)
		for _, action := range []string{"dry-run-off", "dry-run-on", "pause", "resume"} {
			of, ok := actions[action].(map[string]any)
			if !ok {
				t.Fatalf("%s: got the actions %v, want %s among them", name, actions, action)
			}
			if of["disabled"] == false {
				enabled = append(enabled, action)
			}
		}
		if got := strings.Join(enabled, " "); got != c.enabled || len(actions) != 4 {
			t.Errorf("%s: got %s enabled of %v, want %s", name, got, actions, c.enabled)
		}
	}
}
