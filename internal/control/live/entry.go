package live

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// entry is the state of one object.
type entry struct {
	object status.Object
	// version counts the changes of everything below.
	version atomic.Uint64

	// mu guards the fields of this block. The owner of the workload takes it after each step, so a reader holds it only to copy them.
	mu sync.Mutex
	// status is the newest status, and blocked is true if its condition AbleToScale is False.
	status  *v1alpha1.ScaledObjectStatus
	blocked bool
	owner   *autoscaler.Autoscaler
	// workload is nil until the first outcome.
	workload *compile.Workload
	// began is the start of the series: the first outcome.
	began  scalers.Instant
	newest count
	// winner is the trigger that the newest decision follows; "" if there is none.
	winner string
	// present has the level of each trigger, and next has room for a point.
	present []presentLevel
	next    []float32
	levels  levels
	counts  counts

	// rendering guards what was rendered last.
	rendering sync.Mutex
	row       rendered
	detail    rendered
}

// presentLevel is the level of a trigger now.
type presentLevel struct {
	value          scalers.Milli
	known, atLeast bool
}

// rendered is JSON as of a version of its entry. changes counts how often it became another text.
type rendered struct {
	version uint64
	changes uint64
	text    []byte
}

func newEntry(of status.Object) *entry {
	return &entry{object: of, newest: count{replicas: unknownCount, lowest: unknownCount, desired: unknownCount, shadow: unknownCount}}
}

// setStatus sets the newest status.
func (e *entry) setStatus(s *v1alpha1.ScaledObjectStatus) {
	able := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionAbleToScale)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.blocked = s, able != nil && able.Status == metav1.ConditionFalse
	e.version.Add(1)
}

func (e *entry) setOwner(owner *autoscaler.Autoscaler) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.owner = owner
	e.version.Add(1)
}

// observe records an outcome. It retains nothing of it.
func (e *entry) observe(p *autoscaler.Outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.version.Add(1)
	if e.workload != p.Workload {
		e.setWorkload(p)
	}
	demand, unknown := int32(noDemand), uint32(0)
	decided := p.Decided && p.TargetKnown
	if decided && p.Decision.Winner >= 0 {
		demand = p.Decision.Raw
	}
	for i := range e.present {
		level := levelOf(p, i, decided)
		e.present[i], e.next[i] = level, float32(math.NaN())
		if level.known || level.atLeast {
			e.next[i] = float32(float64(level.value) / 1000)
		}
		if !level.known {
			unknown |= 1 << i
		}
	}
	at := e.tick(p.At)
	e.levels.add(at, demand, unknown, e.next)
	n := &e.newest
	n.replicas, n.desired, n.limit, n.blocked = unknownCount, unknownCount, scalers.RuleFormula, e.blocked
	n.minimum, n.maximum, e.winner = p.Workload.Policy.Min, p.Workload.Policy.Max, ""
	if p.TargetKnown {
		n.replicas = p.Target.Scale.Replicas
	}
	if p.Decided {
		step, _ := p.Decision.Limit()
		n.desired, n.limit = p.Decision.Replicas, step.Rule
		if i := p.Decision.Winner; i >= 0 && i < len(p.Workload.Policy.Triggers) {
			e.winner = p.Workload.Policy.Triggers[i].Name
		}
	}
	n.lowest = n.replicas
	e.counts.add(at, *n)
}

// observeShadow records an outcome of the shadow policy.
func (e *entry) observeShadow(p *autoscaler.Outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !p.Decided || e.workload == nil || e.newest.shadow == p.Decision.Replicas {
		return
	}
	e.newest.shadow = p.Decision.Replicas
	e.counts.add(e.tick(p.At), e.newest)
	e.version.Add(1)
}

// setWorkload sets the version of the workload. The levels of other triggers are a timeline of their own.
func (e *entry) setWorkload(p *autoscaler.Outcome) {
	e.workload = p.Workload
	if e.began == 0 {
		e.began = p.At
	}
	if p.Workload.Shadow == nil {
		e.newest.shadow = unknownCount
	}
	all := p.Workload.Policy.Triggers
	same := len(all) == len(e.levels.triggers)
	for i := 0; same && i < len(all); i++ {
		same = all[i].Name == e.levels.triggers[i]
	}
	if same {
		return
	}
	e.levels, e.present, e.next = levels{triggers: make([]string, len(all))}, make([]presentLevel, len(all)), make([]float32, len(all))
	for i := range all {
		e.levels.triggers[i] = all[i].Name
	}
}

// tick returns an instant as a time of the series.
func (e *entry) tick(at scalers.Instant) tick { return tick(max(at.Sub(e.began), 0) / tickLength) }

// time returns a time of the series that began at an instant.
func (t tick) time(began scalers.Instant) time.Time {
	return began.Add(time.Duration(t) * tickLength).Time()
}

// levelOf returns the level of trigger i: as the decision has it, or while there is none for its reading, as the reading has it.
func levelOf(p *autoscaler.Outcome, i int, decided bool) presentLevel {
	if decided && i < len(p.Decision.Proposals()) {
		q := &p.Decision.Proposals()[i]
		return presentLevel{q.Level, q.Known, q.AtLeast}
	}
	if i >= len(p.Events) { // The formula has no reading.
		return presentLevel{}
	}
	q := p.Workload.Policy.Propose(i, &p.Events[i], p.At)
	return presentLevel{q.Level, q.Known, q.AtLeast}
}
