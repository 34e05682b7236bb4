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

// fault decides how a request fails: with a status or with an error.
type fault func(*http.Request) (status int, err error)

// connection stands between a client and the API server. It can make requests fail, and counts requests.
type connection struct {
	mu     sync.Mutex
	fault  fault          // Nil when requests succeed.
	sent   map[string]int // Requests, by method and path.
	open   map[string]int // Answers not yet closed by their reader, by path.
	bodies map[*body]struct{}
}

// intercept returns a config whose requests pass through a connection.
func intercept(config *rest.Config) (*rest.Config, *connection) {
	l := &connection{sent: make(map[string]int), open: make(map[string]int), bodies: make(map[*body]struct{})}
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return interceptor{l, next} })
	return config, l
}

// interceptor is the http.RoundTripper of a connection.
type interceptor struct {
	*connection
	next http.RoundTripper
}

func (p interceptor) RoundTrip(r *http.Request) (*http.Response, error) {
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
	b := &body{ReadCloser: answer.Body, connection: p.connection, path: r.URL.Path}
	p.open[b.path]++
	p.bodies[b] = struct{}{}
	answer.Body = b
	return answer, nil
}

// body is the body of a response that is being read.
type body struct {
	io.ReadCloser
	connection *connection
	path       string
	once       sync.Once
}

func (b *body) Close() error {
	b.once.Do(func() {
		b.connection.mu.Lock()
		defer b.connection.mu.Unlock()
		b.connection.open[b.path]--
		delete(b.connection.bodies, b)
	})
	return b.ReadCloser.Close()
}

// fail makes every request end in fault, and closes all bodies that are being read.
func (l *connection) fail(fault fault) {
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

func (l *connection) restore() { l.fail(nil) }

// count returns the number of requests to paths that end in suffix, and of responses to them that are being read.
func (l *connection) count(method, suffix string) (int, int) {
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

// down is a fault: nothing listens.
func down(*http.Request) (int, error) {
	return 0, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
}

// reset is a fault: the connection is reset.
func reset(*http.Request) (int, error) {
	return 0, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
}

// hang is a fault: there is no response.
func hang(r *http.Request) (int, error) {
	<-r.Context().Done()
	return 0, r.Context().Err()
}

// status is a fault: the response has this status and no body.
func status(code int) fault {
	return func(*http.Request) (int, error) { return code, nil }
}
