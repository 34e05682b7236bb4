package store

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

func TestCheck(t *testing.T) {
	t.Run("a shard that is written during a check is no change by something else", testShardThatIsWrittenDuringCheckIsNoChangeBySomethingElse)
	t.Run("a shard whose write is not answered during a check is no change by something else", testShardWhoseWriteIsNotAnsweredDuringCheckIsNoChangeBySomethingElse)
	t.Run("a change by something else is found, during a write by the next check", testChangeBySomethingElseIsFoundDuringWriteByNextCheck)
}

// delayed is an http.RoundTripper that can delay requests to the API server, and its answers.
type delayed struct {
	http.RoundTripper

	// sent is called before each request is sent, and answered before its answer is delivered. Both may be nil.
	sent, answered func(*http.Request)
}

// RoundTrip implements http.RoundTripper.
func (d *delayed) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.sent != nil {
		d.sent(r)
	}
	answer, err := d.RoundTripper.RoundTrip(r)
	if err == nil && d.answered != nil {
		d.answered(r)
	}
	return answer, err
}

// CloseIdleConnections leaves the connections open.
func (*delayed) CloseIdleConnections() {}

// newDelayedKube returns a persister whose answers are delayed, with shards 1 to 3, and another one for the same namespace.
func newDelayedKube(t *testing.T) (k, other *Kube, d *delayed) {
	t.Helper()
	other, config := newTestKube(t)
	config, d = rest.CopyConfig(config), &delayed{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		d.RoundTripper = next
		return d
	})
	k, err := NewKube(config, other.namespace, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for shard := range 3 {
		saveShard(t, k, shard+1)
	}
	if _, err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k, other, d
}

// saveShard writes a new version of a shard.
func saveShard(t *testing.T, k *Kube, shard int) {
	t.Helper()
	if err := k.Save(t.Context(), shard, Shard{AsOf: time.Now()}); err != nil {
		t.Error(err)
	}
}

// expectChanged fails the test unless a check finds these shards.
func expectChanged(t *testing.T, k *Kube, when string, want ...int) {
	t.Helper()
	changed, err := k.Check(t.Context())
	slices.Sort(changed)
	if err != nil || !slices.Equal(changed, want) {
		t.Errorf("%s a check found %v, %v; want %v", when, changed, err, want)
	}
}

func testShardThatIsWrittenDuringCheckIsNoChangeBySomethingElse(t *testing.T) {
	k, other, d := newDelayedKube(t)
	d.answered = func(r *http.Request) {
		if r.Method != http.MethodGet {
			return
		}
		saveShard(t, k, 1) // The list has the version before.
		saveShard(t, k, 9) // The list does not have it.
		saveShard(t, other, 2)
	}
	expectChanged(t, k, "with writes between the list and its answer,")
	d.answered = nil
	expectChanged(t, k, "afterwards", 2)
}

// held returns a function that waits, at a write, until let is called. reached is closed when it does.
func held() (wait func(*http.Request), reached <-chan struct{}, let func()) {
	arrived, release := make(chan struct{}), make(chan struct{})
	return func(r *http.Request) {
		if r.Method == http.MethodPut {
			close(arrived)
			<-release
		}
	}, arrived, func() { close(release) }
}

func testShardWhoseWriteIsNotAnsweredDuringCheckIsNoChangeBySomethingElse(t *testing.T) {
	k, _, d := newDelayedKube(t)
	wait, reached, let := held()
	d.answered = wait
	saved := make(chan struct{})
	go func() {
		defer close(saved)
		saveShard(t, k, 1)
	}()
	<-reached
	expectChanged(t, k, "while a write is not answered,")
	let()
	<-saved
	d.answered = nil
	expectChanged(t, k, "after the answer")
}

func testChangeBySomethingElseIsFoundDuringWriteByNextCheck(t *testing.T) {
	k, other, d := newDelayedKube(t)
	wait, reached, let := held()
	d.sent = wait
	failed := make(chan error, 1)
	go func() { failed <- k.Save(t.Context(), 1, Shard{}) }()
	<-reached
	saveShard(t, other, 1)
	saveShard(t, other, 2)
	saveShard(t, other, 7)
	if err := other.client.Delete().AbsPath(other.path(shardName(3))...).Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	expectChanged(t, k, "while shard 1 is being written,", 2, 3, 7)
	let()
	if err := <-failed; !errors.Is(err, ErrConflict) {
		t.Errorf("the write of shard 1 returned %v, want ErrConflict", err)
	}
	d.sent = nil
	expectChanged(t, k, "after the write", 1, 2, 3, 7)
}
