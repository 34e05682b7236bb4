package actuator_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"

	"k8s.io/client-go/rest"
)

// fault says what becomes of a request: it is answered with a status, or not at all.
type fault func(*http.Request) (status int, err error)

// line is the way to the API server. It can be cut, and it counts what passes.
type line struct {
	mu     sync.Mutex
	fault  fault          // Nil when all is well.
	sent   map[string]int // Requests, by method and path.
	open   map[string]int // Answers not yet closed by their reader, by path.
	bodies map[*body]struct{}
}

// through returns config with a line in between.
func through(config *rest.Config) (*rest.Config, *line) {
	l := &line{sent: make(map[string]int), open: make(map[string]int), bodies: make(map[*body]struct{})}
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return passage{l, next} })
	return config, l
}

// passage is an http.RoundTripper over a line.
type passage struct {
	*line
	next http.RoundTripper
}

func (p passage) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.sent[r.Method+" "+r.URL.Path]++
	fault := p.fault
	p.mu.Unlock()
	if fault != nil {
		status, err := fault(r)
		if err != nil {
			return nil, err
		}
		header := make(http.Header)
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			header.Set("Retry-After", "1")
		}
		return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r}, nil
	}
	answer, err := p.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := &body{ReadCloser: answer.Body, line: p.line, path: r.URL.Path}
	p.open[b.path]++
	p.bodies[b] = struct{}{}
	answer.Body = b
	return answer, nil
}

// body is an answer that is being read.
type body struct {
	io.ReadCloser
	line *line
	path string
	once sync.Once
}

func (b *body) Close() error {
	b.once.Do(func() {
		b.line.mu.Lock()
		defer b.line.mu.Unlock()
		b.line.open[b.path]--
		delete(b.line.bodies, b)
	})
	return b.ReadCloser.Close()
}

// breaks makes every request end in fault, and ends all answers that are being read.
func (l *line) breaks(fault fault) {
	l.mu.Lock()
	l.fault = fault
	var all []*body
	for b := range l.bodies {
		all = append(all, b)
	}
	l.mu.Unlock()
	for _, b := range all {
		_ = b.ReadCloser.Close()
	}
}

func (l *line) mend() { l.breaks(nil) }

// count returns the number of requests to paths that end in suffix, and of answers to them that are being read.
func (l *line) count(method, suffix string) (int, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sent, open int
	for request, n := range l.sent {
		if strings.HasPrefix(request, method+" ") && strings.HasSuffix(request, suffix) {
			sent += n
		}
	}
	for path, n := range l.open {
		if strings.HasSuffix(path, suffix) {
			open += n
		}
	}
	return sent, open
}

// down is an API server that is not there.
func down(*http.Request) (int, error) {
	return 0, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
}

// reset is a connection that breaks.
func reset(*http.Request) (int, error) {
	return 0, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
}

// hang never answers.
func hang(r *http.Request) (int, error) {
	<-r.Context().Done()
	return 0, r.Context().Err()
}

// status answers with nothing but a status.
func status(code int) fault {
	return func(*http.Request) (int, error) { return code, nil }
}
