package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/objects"
)

func TestFollow(t *testing.T) {
	t.Run("a watch that the server closes is continued", testWatchThatServerClosesIsContinued)
	t.Run("a lost connection is reported and restored", testLostConnectionIsReportedAndRestored)
	t.Run("an expired version leads to a new list", testExpiredVersionLeadsToNewList)
	t.Run("the first list must succeed", testFirstListMustSucceed)
}

// server is a scripted API server: it answers each request by the next answer.
type server struct {
	t        *testing.T
	answers  []string
	requests []string
}

// RoundTrip implements http.RoundTripper. An answer is the body, or an error if it begins with !. After the last answer a request hangs.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	request := "list"
	if q := r.URL.Query(); q.Get("watch") != "" {
		request = "watch " + q.Get("resourceVersion")
	}
	s.requests = append(s.requests, request)
	if len(s.answers) == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	if message, failed := strings.CutPrefix(answer, "!"); failed {
		return nil, errors.New(message)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(answer))), Request: r,
	}, nil
}

const (
	kind    = `"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject"`
	oneList = `{"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObjectList", "metadata": {"resourceVersion": "5"}, "items": [{"metadata": {"name": "web"}}]}`
	expired = `{"type": "ERROR", "object": {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Expired", "code": 410}}`
)

// event returns an event of a watch.
func event(what, name string, version int) string {
	return fmt.Sprintf(`{"type": "%s", "object": {%s, "metadata": {"name": "%s", "resourceVersion": "%d"}}}`+"\n", what, kind, name, version)
}

// follow follows a scripted server for some time, and returns what was observed and requested.
func follow(t *testing.T, length time.Duration, answers ...string) (observed, requests []string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, answers: answers}
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		err = client(t, &rest.Config{Host: "http://api", Transport: s}).Follow(ctx, objects.Query{}, func(c objects.Change) {
			switch {
			case c.Err != nil:
				observed = append(observed, c.Err.Error())
			case c.List != nil:
				observed = append(observed, fmt.Sprintf("%d listed", len(c.List.Items)))
			case c.Object != nil && c.Deleted:
				observed = append(observed, c.Object.Name+" deleted")
			case c.Object != nil:
				observed = append(observed, c.Object.Name+" of "+c.Object.Kind)
			default:
				observed = append(observed, "connected")
			}
		})
		requests = s.requests
	})
	return observed, requests, err
}

func testWatchThatServerClosesIsContinued(t *testing.T) {
	observed, requests, err := follow(t, time.Minute, oneList, event("ADDED", "api", 6)+event("BOOKMARK", "", 9), "", event("DELETED", "api", 10))
	if want := []string{"1 listed", "api of ScaledObject", "api deleted"}; err != nil || !slices.Equal(observed, want) {
		t.Errorf("got %q, %v, want %q", observed, err, want)
	}
	if want := []string{"list", "watch 5", "watch 9", "watch 9", "watch 10"}; !slices.Equal(requests, want) {
		t.Errorf("got the requests %q, want %q", requests, want)
	}
}

func testLostConnectionIsReportedAndRestored(t *testing.T) {
	observed, requests, err := follow(t, 20*time.Second, oneList, "!connection refused", "!connection refused", "!no route", event("ADDED", "api", 6))
	want := []string{"1 listed"}
	for _, cause := range []string{"connection refused", "connection refused", "no route"} {
		want = append(want, "watch the ScaledObjects: http://api cannot be reached: "+cause)
	}
	if want = append(want, "connected", "api of ScaledObject"); err != nil || !slices.Equal(observed, want) {
		t.Errorf("got %q, %v, want %q", observed, err, want)
	}
	if len(requests) != 6 {
		t.Errorf("got the requests %q in 20 s, want six: the delays grow", requests)
	}
}

func testExpiredVersionLeadsToNewList(t *testing.T) {
	observed, requests, err := follow(t, time.Minute, oneList, expired, "!connection refused", oneList, event("ADDED", "api", 6))
	want := []string{"1 listed", "list the ScaledObjects: http://api cannot be reached: connection refused", "1 listed", "api of ScaledObject"}
	if err != nil || !slices.Equal(observed, want) {
		t.Errorf("got %q, %v, want %q", observed, err, want)
	}
	if want := []string{"list", "watch 5", "list", "list", "watch 5", "watch 6"}; !slices.Equal(requests, want) {
		t.Errorf("got the requests %q, want %q", requests, want)
	}
}

func testFirstListMustSucceed(t *testing.T) {
	if observed, _, err := follow(t, time.Minute, "!connection refused"); err == nil || len(observed) > 0 {
		t.Errorf("got %q, %v, want an error", observed, err)
	}
}
