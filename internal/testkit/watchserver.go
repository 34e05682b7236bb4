package testkit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// WatchServer is an http.RoundTripper to an API server whose objects are listed and watched, and that can be made to fail. It can be used
// in virtual time.
type WatchServer struct {
	// Endless watches do not end after their timeoutSeconds.
	Endless bool

	mu      sync.Mutex
	answers map[string]string
	lists   map[string]objectList
	faults  map[string]Fault
	open    map[*io.PipeWriter]string
	sent    map[string]int
}

// objectList is a list of objects, as JSON.
type objectList struct {
	apiVersion, kind string
	objects          []string
}

// Fault is what happens to a request instead of an answer. With nil for both results, the request is answered as if there was no fault.
type Fault func(*http.Request) (*http.Response, error)

// NewWatchServer returns a server without objects.
func NewWatchServer() *WatchServer {
	return &WatchServer{
		answers: map[string]string{}, lists: map[string]objectList{}, faults: map[string]Fault{}, open: map[*io.PipeWriter]string{},
		sent: map[string]int{},
	}
}

// Answer sets the answer to GET requests for a path.
func (s *WatchServer) Answer(path, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = body
}

// List sets the objects below a path, as JSON without apiVersion and kind. No event reports them.
func (s *WatchServer) List(path, apiVersion, kind string, objects ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := objectList{apiVersion: apiVersion, kind: kind}
	for _, o := range objects {
		l.objects = append(l.objects, fmt.Sprintf(`{"apiVersion":%q,"kind":%q,%s`, apiVersion, kind, strings.TrimPrefix(o, "{")))
	}
	s.lists[path] = l
}

// Fail makes requests for a path fail from now on, and ends its watches; nil ends the fault.
func (s *WatchServer) Fail(path string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[path] = f
	for w, of := range s.open {
		if of == path {
			_ = w.Close()
		}
	}
}

// Sent returns the number of requests for a path.
func (s *WatchServer) Sent(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[path]
}

// RoundTrip implements http.RoundTripper.
func (s *WatchServer) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.Path
	s.mu.Lock()
	s.sent[path]++
	fault, answer := s.faults[path], s.answers[path]
	list, known := s.lists[path]
	s.mu.Unlock()
	if fault != nil {
		if response, err := fault(r); response != nil || err != nil {
			return response, err
		}
	}
	query := r.URL.Query()
	switch {
	case answer != "":
		return respond(r, http.StatusOK, io.NopCloser(strings.NewReader(answer))), nil
	case !known:
		return respond(r, http.StatusNotFound, http.NoBody), nil
	case query.Get("watch") != "":
		return respond(r, http.StatusOK, s.watch(r.Context(), r.URL, list)), nil
	}
	body := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"resourceVersion":"1"},"items":[%s]}`, list.apiVersion, list.kind+"List", strings.Join(list.objects, ","))
	return respond(r, http.StatusOK, io.NopCloser(strings.NewReader(body))), nil
}

// watch returns the body of a watch, which sends nothing after the objects that there are at its beginning.
func (s *WatchServer) watch(ctx context.Context, u *url.URL, list objectList) io.ReadCloser {
	reader, writer := io.Pipe()
	s.mu.Lock()
	s.open[writer] = u.Path
	s.mu.Unlock()
	cancel := func() {}
	if seconds, err := strconv.Atoi(u.Query().Get("timeoutSeconds")); err == nil && !s.Endless {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	}
	context.AfterFunc(ctx, func() { _ = writer.Close(); cancel() })
	go func() {
		if u.Query().Get("sendInitialEvents") != "true" {
			return
		}
		for _, o := range list.objects {
			_, _ = fmt.Fprintf(writer, `{"type":"ADDED","object":%s}`, o)
		}
		_, _ = fmt.Fprintf(writer, `{"type":"BOOKMARK","object":{"apiVersion":%q,"kind":%q,"metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`,
			list.apiVersion, list.kind)
	}()
	return reader
}

// Unanswered is a Fault: there is no answer.
func Unanswered(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Silent is the beginning of an answer that does not go on.
func Silent(r *http.Request) *http.Response {
	reader, writer := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = writer.Close() })
	return respond(r, http.StatusOK, reader)
}

// Status is the Fault of an answer with a status code and no body.
func Status(code int) Fault {
	return func(r *http.Request) (*http.Response, error) { return respond(r, code, http.NoBody), nil }
}

// OnlyWatches limits a fault to watches that begin after a list.
func OnlyWatches(f Fault) Fault {
	return func(r *http.Request) (*http.Response, error) {
		if q := r.URL.Query(); q.Get("watch") == "" || q.Get("sendInitialEvents") == "true" {
			return nil, nil
		}
		return f(r)
	}
}

func respond(r *http.Request, status int, body io.ReadCloser) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}
}
