package election_test

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

func TestEdited(t *testing.T) {
	t.Parallel()
	t.Run("a holder without renewals is replaced", testHolderWithoutRenewalsIsReplaced)
	t.Run("no edit of the Lease lets two lead", testNoEditOfLeaseLetsTwoLead)
	t.Run("a leader whose Lease is edited keeps leading", testLeaderWhoseLeaseIsEditedKeepsLeading)
}

func (e *term) leases() coordinationv1.LeaseInterface {
	e.t.Helper()
	client, err := coordinationv1.NewForConfig(e.config)
	if err != nil {
		e.t.Fatal(err)
	}
	return client.Leases(e.namespace)
}

// edit changes the spec of the Lease by hand.
func (e *term) edit(spec string) {
	e.t.Helper()
	patch := []byte(`{"spec": ` + spec + `}`)
	if _, err := e.leases().Patch(e.t.Context(), "impulse", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		e.t.Fatal(err)
	}
}

func testHolderWithoutRenewalsIsReplaced(t *testing.T) {
	t.Parallel()
	const farAhead = `"holderIdentity": "ghost", "renewTime": "2126-01-01T00:00:00.000000Z"`
	for name, spec := range map[string]string{
		"its renewal lies a century ahead":        `{` + farAhead + `}`,
		"its lease lasts for decades":             `{` + farAhead + `, "leaseDurationSeconds": 2147483647}`,
		"its lease has no duration":               `{` + farAhead + `, "leaseDurationSeconds": null, "acquireTime": null}`,
		"the changes of leader cannot be counted": `{` + farAhead + `, "leaseTransitions": 2147483647}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newElection(t)
			a, b := e.pair()
			led := a.leads.Load() + b.leads.Load()
			e.edit(spec)
			e.until("one of the two leads again", func() bool { return a.leads.Load()+b.leads.Load() > led && (a.isLeading() || b.isLeading()) })
		})
	}
}

func testNoEditOfLeaseLetsTwoLead(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*term){
		"it is shorter than a leader leads":    func(e *term) { e.edit(`{"leaseDurationSeconds": 1}`) },
		"it has no duration":                   func(e *term) { e.edit(`{"leaseDurationSeconds": null}`) },
		"its last renewal was a century ago":   func(e *term) { e.edit(`{"renewTime": "1926-01-01T00:00:00.000000Z"}`) },
		"it has no holder":                     func(e *term) { e.edit(`{"holderIdentity": ""}`) },
		"the field of its holder is not there": func(e *term) { e.edit(`{"holderIdentity": null}`) },
		"it is deleted": func(e *term) {
			if err := e.leases().Delete(e.t.Context(), "impulse", metav1.DeleteOptions{}); err != nil {
				e.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newElection(t)
			a, b := e.pair()
			e.until("b has a as the leader", func() bool { return b.Leader() == "a" })
			renewed := a.Deadline()
			e.until("a renews", func() bool { return a.Deadline().After(renewed) })
			a.cut.Store(true) // So that it does not put things right itself.
			edit(e)
			e.awaitSuccessor(b, a)
		})
	}
}

func testLeaderWhoseLeaseIsEditedKeepsLeading(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	a := e.leader()
	for i, spec := range []string{
		`{"leaseDurationSeconds": 2147483647}`, `{"leaseDurationSeconds": null}`, `{"leaseTransitions": 2147483647}`,
		`{"renewTime": "2126-01-01T00:00:00.000000Z"}`,
	} {
		// The API server may be too slow for the leader, but not for each of many edits.
		e.until(fmt.Sprint("a leads on after edit ", i), func() bool {
			led := a.leads.Load()
			e.edit(spec)
			edited := a.Deadline()
			e.until(fmt.Sprint("a renews after edit ", i), func() bool { return a.Deadline().After(edited) })
			return a.leads.Load() == led
		})
	}
}
