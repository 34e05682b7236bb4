package rabbitmq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/impulse-sh/impulse/internal/printable"
)

const (
	// maxAnswerBytes is the maximum size of an answer. One queue has about 2 KiB.
	maxAnswerBytes = 8 << 20
	// maxErrorBytes is the part of an error's body that is read, and maxReasonBytes the part of a message that is shown.
	maxErrorBytes  = 64 << 10
	maxReasonBytes = 200
	// columns are the fields of a queue that the server sends. Otherwise it sends every consumer, too.
	columns = "name,state,messages,messages_ready,message_stats"
)

// management reads queues from the management API. All triggers with the same server, virtual host and credentials share one.
type management struct {
	access access
	client http.Client
	// own is the transport that this server value closes; nil if it uses that of the process.
	own *http.Transport
}

// newManagement returns a management that sends requests with the transport of shared, or with a copy of it for other settings of TLS.
// It does no I/O.
func newManagement(a access, shared *http.Client) (*management, error) {
	m := &management{access: a, client: *shared}
	m.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if !a.secure || !a.unsafe && a.ca == "" && a.cert == "" {
		return m, nil
	}
	config, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	m.own = &http.Transport{Proxy: http.ProxyFromEnvironment}
	if base, ok := shared.Transport.(*http.Transport); ok {
		m.own = base.Clone()
	}
	m.own.TLSClientConfig, m.client.Transport = config, m.own
	return m, nil
}

// Close closes the idle connections. No request is in progress any more.
func (m *management) Close() error {
	if m.own != nil {
		m.own.CloseIdleConnections()
	}
	return nil
}

// read implements server.
func (m *management) read(ctx context.Context, q query) (answer, error) {
	var found answer
	var err error
	if q.regex {
		found, err = m.list(ctx, q)
	} else {
		found, err = m.single(ctx, q)
	}
	if err == nil && q.rates {
		err = m.addRates(ctx, found.queues)
	}
	return found, err
}

// single reads one queue.
func (m *management) single(ctx context.Context, q query) (answer, error) {
	var info queueInfo
	if err := m.get(ctx, m.queues()+"/"+url.PathEscape(q.queue), url.Values{"columns": {columns}}, &info); err != nil {
		return answer{}, err
	}
	if info.Name != nil && *info.Name != q.queue {
		return answer{}, errors.New("the server answered for another queue")
	}
	one, err := info.queue()
	return answer{queues: []queue{one}}, err
}

// list reads all queues that match a regular expression, which the server interprets.
func (m *management) list(ctx context.Context, q query) (answer, error) {
	var page queuePage
	err := m.get(ctx, m.queues(), url.Values{
		"page": {"1"}, "page_size": {strconv.FormatInt(q.pageSize, 10)}, "name": {q.queue}, "use_regex": {"true"}, "columns": {columns},
	}, &page)
	if err != nil {
		return answer{}, err
	}
	all, err := page.queues(q.pageSize)
	return answer{queues: all, several: true}, err
}

// addRates makes the rates of queues 0 for which the server has counted messages and no event. It does not do so if the server counts no events.
func (m *management) addRates(ctx context.Context, all []queue) error {
	uncounted := func(q queue) bool { return q.total != nil && !q.stats }
	if !slices.ContainsFunc(all, uncounted) {
		return nil
	}
	var overview struct {
		RatesMode string `json:"rates_mode"`
	}
	if err := m.get(ctx, "/api/overview", url.Values{"columns": {"rates_mode"}}, &overview); err != nil {
		return fmt.Errorf("read rates_mode: %w", err)
	}
	if overview.RatesMode != "basic" && overview.RatesMode != "detailed" {
		return nil
	}
	for i, q := range all {
		if uncounted(q) {
			all[i].published, all[i].delivered = new(float64), new(float64)
		}
	}
	return nil
}

// queues returns the path of the queues of the virtual host.
func (m *management) queues() string { return "/api/queues/" + url.PathEscape(m.access.vhost) }

// get decodes the answer to one request.
func (m *management) get(ctx context.Context, path string, parameters url.Values, into any) error {
	scheme := "http://"
	if m.access.secure {
		scheme = "https://"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+m.access.address+m.access.path+path+"?"+parameters.Encode(), http.NoBody)
	if err != nil {
		return errors.New("the host cannot be part of a URL")
	}
	if m.access.username != "" || m.access.password != "" {
		request.SetBasicAuth(m.access.username, m.access.password)
	}
	response, err := m.client.Do(request)
	if err != nil {
		return m.reason(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return m.refusal(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("the answer broke off: %w", m.reason(ctx, err))
	case len(body) > maxAnswerBytes:
		return fmt.Errorf("the answer is larger than %d MiB", maxAnswerBytes>>20)
	case json.Unmarshal(body, into) != nil:
		return errors.New("the answer is not one of RabbitMQ's management API: is this its port, which is 15672?")
	}
	return nil
}

// refusal returns the reason for an answer with another status than 200.
func (m *management) refusal(response *http.Response) error {
	switch code := response.StatusCode; {
	case code == http.StatusNotFound:
		return errors.New("the queue or its virtual host does not exist, or this is not the management API (404)")
	case code/100 == 3:
		return fmt.Errorf("the server redirects (%d): write the final address, because credentials are not sent to another one", code)
	}
	var body struct {
		Reason string `json:"reason"`
	}
	text := http.StatusText(response.StatusCode)
	if content, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes)); err == nil && json.Unmarshal(content, &body) == nil && body.Reason != "" {
		text = printable.Line(m.access.hide(body.Reason), maxReasonBytes)
	}
	return fmt.Errorf("the server refuses the request: %s (%d)", text, response.StatusCode)
}

// reason returns an error of the client without the URL. If the context is done, it returns the cause of that.
func (m *management) reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return sent.Err
	}
	return err
}
