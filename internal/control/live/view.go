package live

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// Errors of readers.
var (
	// ErrNotFound is returned for an object that does not exist.
	ErrNotFound = errors.New("there is no such ScaledObject")
	// ErrClosed is returned once the view is closed: this process does not lead any more.
	ErrClosed = errors.New("this replica does not lead any more")
)

// Statuses renders the status of an outcome. *status.Reporter is one.
type Statuses interface {
	Status(p *autoscaler.Outcome) *v1alpha1.ScaledObjectStatus
}

// Alerts returns the recorded alerts that a query selects, at most as many as most, and their number. *store.Store is one.
type Alerts interface {
	Selected(q *triggers.AlertQuery, most int) (some []store.Selected, total int)
}

// View has the state of all objects during one leadership of this process. It is safe for concurrent use, and implements status.Observer.
type View struct {
	statuses Statuses
	alerts   Alerts
	now      func() time.Time
	closed   chan struct{}

	// mu guards entries. The fields of an entry have mutexes of their own.
	mu      sync.RWMutex
	entries map[string]*entry
}

// New returns a view without objects. now is the clock of the process; alerts may be nil.
func New(statuses Statuses, alerts Alerts, now func() time.Time) *View {
	return &View{statuses: statuses, alerts: alerts, now: now, closed: make(chan struct{}), entries: map[string]*entry{}}
}

// Close ends all streams. It is called once.
func (v *View) Close() { close(v.closed) }

// Add adds an object.
func (v *View) Add(of status.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.entries[keyOf(of)]; e == nil || e.object.UID != of.UID {
		v.entries[keyOf(of)] = newEntry(of)
	}
}

// Forget removes a deleted object.
func (v *View) Forget(of status.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.entries[keyOf(of)]; e != nil && e.object.UID == of.UID {
		delete(v.entries, keyOf(of))
	}
}

// Changed implements status.Observer.
func (v *View) Changed(of status.Object, s *v1alpha1.ScaledObjectStatus) { v.entry(of).setStatus(s) }

// Follow returns reporters that record the outcomes of the autoscalers of an object and of its shadow policy, and pass them on to others.
func (v *View) Follow(of status.Object, real, shadow autoscaler.Reporter) (forReal, forShadow autoscaler.Reporter) {
	e := v.entry(of)
	return &recorder{e, real, (*entry).observe}, &recorder{e, shadow, (*entry).observeShadow}
}

// SetOwner sets the autoscaler of an object; nil: the object has none.
func (v *View) SetOwner(of status.Object, owner *autoscaler.Autoscaler) { v.entry(of).setOwner(owner) }

// recorder records the outcomes of one autoscaler.
type recorder struct {
	entry   *entry
	next    autoscaler.Reporter
	observe func(*entry, *autoscaler.Outcome)
}

// Decided implements autoscaler.Reporter.
func (r *recorder) Decided(o *autoscaler.Outcome) {
	r.next.Decided(o) // First, because it may change the status.
	r.observe(r.entry, o)
}

// entry returns the entry of an object. That of one that was not added, or was deleted, is not read by anyone.
func (v *View) entry(of status.Object) *entry {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if e := v.entries[keyOf(of)]; e != nil && e.object.UID == of.UID {
		return e
	}
	return newEntry(of)
}

func keyOf(of status.Object) string { return of.Namespace + "/" + of.Name }

// find returns the entry of an object, or ErrNotFound.
func (v *View) find(namespace, name string) (*entry, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if e := v.entries[namespace+"/"+name]; e != nil {
		return e, nil
	}
	return nil, ErrNotFound
}

// list returns the entries of some namespaces, sorted by namespace and name; nil is all namespaces.
func (v *View) list(namespaces []string) []*entry {
	v.mu.RLock()
	all := make([]*entry, 0, len(v.entries))
	for _, e := range v.entries {
		if namespaces == nil || slices.Contains(namespaces, e.object.Namespace) {
			all = append(all, e)
		}
	}
	v.mu.RUnlock()
	slices.SortFunc(all, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.object.Namespace, b.object.Namespace), cmp.Compare(a.object.Name, b.object.Name))
	})
	return all
}

// inspect returns a copy of the outcome of the owner of an object; nil if there is no owner, or it has not begun. The owner waits only while
// the outcome is copied.
func inspect(owner *autoscaler.Autoscaler) (copied *autoscaler.Outcome) {
	if owner != nil {
		owner.Inspect(func(o *autoscaler.Outcome) { copied = o.Clone() })
	}
	return copied
}
