package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPage(t *testing.T) {
	t.Parallel()
	t.Run("either replica shows live what the leader sees, also after a change of the leader", testEitherReplicaShowsWhatLeaderSees)
}

// shown is what an event of the stream of an object has.
type shown struct {
	Present           bool
	Replicas, Desired *int32
}

// stream is the stream of an object at one replica. It is opened again when it has ended, as a browser does.
type stream struct {
	e     *env
	url   string
	body  io.Closer
	lines *bufio.Scanner
}

// stream returns the stream of an object at a replica.
func (e *env) stream(i *impulse, name string) *stream {
	s := &stream{e: e, url: fmt.Sprintf("%s/v1/namespaces/%s/scaledobjects/%s/stream", i.url, e.Namespace, name)}
	e.t.Cleanup(s.close)
	return s
}

func (s *stream) close() {
	if s.body != nil {
		_ = s.body.Close() // It was only read.
	}
	s.body = nil
}

// open opens the stream, and reports whether the replica could answer.
func (s *stream) open(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		s.e.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request) //nolint:bodyclose // close does.
	if err != nil {
		return false
	}
	s.body, s.lines = answer.Body, bufio.NewScanner(answer.Body)
	s.lines.Buffer(nil, 1<<20)
	if answer.StatusCode != http.StatusOK {
		s.close()
	}
	return s.body != nil
}

// untilReplicas reads the stream until the object has n replicas, decided by a leader that is there.
func (s *stream) untilReplicas(n int32) {
	s.e.t.Helper()
	last := "nothing"
	s.e.until(fmt.Sprintf("%s shows %d replicas", s.url, n), func(ctx context.Context) (bool, error) {
		if s.body == nil && !s.open(context.WithoutCancel(ctx)) {
			return false, nil
		}
		for ctx.Err() == nil && s.lines.Scan() {
			data, ok := strings.CutPrefix(s.lines.Text(), "data: ")
			if !ok {
				continue
			}
			var o shown
			if err := json.Unmarshal([]byte(data), &o); err != nil {
				return false, err
			}
			last = data
			if o.Present && o.Replicas != nil && o.Desired != nil && *o.Replicas == n && *o.Desired == n {
				return true, nil
			}
		}
		s.close()
		return false, nil
	}, func() string { return "the last event was " + last })
}

func testEitherReplicaShowsWhatLeaderSees(t *testing.T) {
	e := newEnv(t)
	a, b := pair(t, e)
	leading, following := e.stream(a, "web"), e.stream(b, "web")
	leading.untilReplicas(1)
	following.untilReplicas(1)
	e.webhook(a, "web", "firing")
	leading.untilReplicas(5)
	following.untilReplicas(5)
	a.Kill()
	e.postUntilOK(b, "firing")
	e.webhook(b, "web", "resolved")
	following.untilReplicas(1)
	e.restart(a) // It does not lead now.
	e.stream(a, "web").untilReplicas(1)
	e.webhook(a, "web", "firing")
	following.untilReplicas(5)
}
