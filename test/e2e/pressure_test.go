package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestPressure(t *testing.T) {
	t.Parallel()
	t.Run("under answers 429 counts go first, and every status, Event and alert is written in the end", testUnder429CountsGoFirstAndNothingIsLost)
}

// busyObjects is the number of objects, and busyLeast the count that they begin with.
const (
	busyObjects = 20
	busyLeast   = 1
)

// busyRounds are alerts of all objects, with the counts that they ask for.
var busyRounds = []struct {
	alert string
	count int32
}{{"busy", 3}, {"busier", 5}, {"busiest", 8}}

// onEachAlert returns a ScaledObject with a trigger for each of busyRounds.
func onEachAlert(name string) string {
	var all strings.Builder
	all.WriteString(strings.Split(onAlert(name), "  - type:")[0])
	for _, round := range busyRounds {
		fmt.Fprintf(&all, "  - {type: alertmanager, name: %[1]s, metadata: {matchers: '{alertname=\"%[1]s\"}', replicas: \"%[2]d\"}}\n", round.alert, round.count)
	}
	return all.String()
}

// Statuses wait at the proxy while all counts change three times. The gate admits one at a time, which is the share that statuses keep, and its
// sender gives up.
func testUnder429CountsGoFirstAndNothingIsLost(t *testing.T) {
	e := newIdleEnv(t)
	names := make([]string, busyObjects)
	for i := range names {
		names[i] = fmt.Sprintf("web-%02d", i)
		e.ApplyDeployment(names[i], busyLeast)
		e.Apply(onEachAlert(names[i]))
	}
	b := newBusyProxy(t, busyObjects)
	i := e.run("--kubeconfig", b.kubeconfig)
	for _, name := range names {
		e.condition(name, "Ready", "True", "Ready")
	}
	b.setBusy(true)
	last := busyRounds[len(busyRounds)-1]
	for _, round := range busyRounds {
		e.deliver(i, e.Namespace, testkit.AlertmanagerWebhook(round.alert, "firing"))
		for _, name := range names {
			e.AwaitReplicas(name, round.count)
		}
	}
	e.until("the sender of a status of the last round has given up", func(context.Context) (bool, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.abandoned == last.count, i.Err()
	}, func() string { return i.LogTail(logTail) })
	close(b.goOn)
	e.awaitStatusOfLastRound(names[:len(names)/2])
	b.setBusy(false)
	e.awaitStatusOfLastRound(names)
	e.until("each object has an Event", func(ctx context.Context) (bool, error) { return e.haveEvents(ctx, names) },
		func() string { return i.LogTail(logTail) })
	b.mu.Lock()
	defer b.mu.Unlock()
	if i.hesitated() || b.gaveUp { // Counts were not sent, or given up, because of the Lease, and statuses said so.
		t.Log("the machine is so busy that the order of the writes is not judged")
		return
	}
	for _, wrong := range b.wrong {
		t.Error(wrong)
	}
	for name, n := range b.written {
		if n > 2 { // One may have been sent before the others could wait.
			t.Errorf("%d statuses of %s were written, want those that waited in one", n, name)
		}
	}
}

// awaitStatusOfLastRound waits until objects have the status of the last of busyRounds.
func (e *env) awaitStatusOfLastRound(names []string) {
	e.t.Helper()
	last := strconv.Itoa(int(busyRounds[len(busyRounds)-1].count))
	for _, name := range names {
		for _, field := range []string{"desiredReplicas", "replicas"} {
			e.status(name, field+" "+last, func(s string) bool { return s == last }, field)
		}
		e.condition(name, "Ready", "True", "Ready")
		e.condition(name, "Active", "True", "TriggerActive")
	}
}

// haveEvents reports whether each object has an Event that it was scaled.
func (e *env) haveEvents(ctx context.Context, names []string) (bool, error) {
	list, err := e.Kube.CoreV1().Events(e.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=Scaled"})
	if err != nil {
		return false, err
	}
	scaled := map[string]bool{}
	for i := range list.Items {
		scaled[list.Items[i].InvolvedObject.Name] = true
	}
	for _, name := range names {
		if !scaled[name] {
			return false, nil
		}
	}
	return true, nil
}
