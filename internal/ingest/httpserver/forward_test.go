package httpserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

func TestForward(t *testing.T) {
	t.Run("a follower forwards the messages that it has authorized", testFollowerForwardsMessagesThatItHasAuthorized)
	t.Run("a forwarded message is recorded with the name of its credential", testForwardedMessageIsRecordedWithNameOfItsCredential)
	t.Run("a forwarded message is not forwarded again", testForwardedMessageIsNotForwardedAgain)
	t.Run("without the replicas' key the response is 503", testWithoutReplicasKeyResponseIs503)
	t.Run("a follower's answer to a write request says what the leader has accepted", testFollowersAnswerSaysWhatLeaderHasAccepted)
}

// fakeForwarder stores the messages that are forwarded, and gives the same answer to each.
type fakeForwarder struct {
	sent   []forward.Message
	answer forward.Answer
	err    error
}

func (l *fakeForwarder) Forward(_ context.Context, m forward.Message) (forward.Answer, error) {
	l.sent = append(l.sent, m)
	return l.answer, l.err
}

// Open is Forwarder's.
func (l *fakeForwarder) Open(_ context.Context, m forward.Message) (*http.Response, error) {
	l.sent = append(l.sent, m)
	if l.err != nil {
		return nil, l.err
	}
	return &http.Response{StatusCode: l.answer.Code, Header: l.answer.Header, Body: io.NopCloser(strings.NewReader(l.answer.Text))}, nil
}

func testFollowerForwardsMessagesThatItHasAuthorized(t *testing.T) {
	r, l := &record{}, &fakeForwarder{answer: forward.Answer{Code: http.StatusOK}}
	h, s := serve(t, r, func(o *Options) {
		o.Credentials = credentials(t, "- {name: eu, namespaces: [shop], token: token-of-eu}")
		o.Leading, o.Forward = func() bool { return false }, l
	})
	if w := post(t, h, "/v1/alertmanager/shop?x=%20y", one, "Bearer token-of-eu"); w.Code != http.StatusOK {
		t.Errorf("got %d %s; want 200", w.Code, w.Body)
	}
	if len(l.sent) != 1 || string(l.sent[0].Body) != one || l.sent[0].Credential != "eu" || l.sent[0].URI != "/v1/alertmanager/shop?x=%20y" || len(r.endpoints) > 0 {
		t.Errorf("sent %+v, recorded %v; want 1, %v, \"eu\", \"/v1/alertmanager/shop?x=%%20y\", none", l.sent, r.endpoints, one)
	}
	post(t, h, "/v1/alertmanager/shop", one, "Bearer token-of-us")
	post(t, h, "/v1/alertmanager/shop", strings.Repeat(" ", maxAlertsBody+1), "Bearer token-of-eu")
	if len(l.sent) != 1 {
		t.Errorf("an unauthorized request was forwarded: %+v; want 1", l.sent[1:])
	}
	l.answer = forward.Answer{Code: http.StatusBadRequest, Text: "version is \"3\"\n"}
	if w := post(t, h, "/v1/alertmanager/shop", one, "Bearer token-of-eu"); w.Code != http.StatusBadRequest || w.Body.String() != l.answer.Text {
		t.Errorf("the leader's answer becomes %d %s; want 400, %v", w.Code, w.Body, l.answer.Text)
	}
	l.err = errors.New("10.1.2.3:8444: connection refused")
	if w := post(t, h, "/v1/alertmanager/shop", one, "Bearer token-of-eu"); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "10.1.2.3") {
		t.Errorf("without a leader: %d %s", w.Code, w.Body)
	}
	if n := testutil.ToFloat64(s.metrics.forwarded.WithLabelValues("failed")); n != 1 {
		t.Errorf("%v failures are counted; want 1", n)
	}
}

// servePeers returns the handler for other replicas. A request with "Peer NAME" is from a replica that has authenticated NAME.
func servePeers(t *testing.T, r *record, change func(*Options)) http.Handler {
	t.Helper()
	self, err := forward.Listen(t.Context(), "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = self.Close() })
	_, s := serve(t, r, func(o *Options) {
		o.Credentials = credentials(t, "- {name: eu, namespaces: [shop], token: token-of-eu}")
		o.Peers = self
		o.AuthenticatePeer = func(r *http.Request) (string, error) {
			name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Peer ")
			if !ok {
				return "", forward.ErrUnauthorized
			}
			return name, nil
		}
		if change != nil {
			change(o)
		}
	})
	return s.peers.Handler
}

func testForwardedMessageIsRecordedWithNameOfItsCredential(t *testing.T) {
	r := &record{}
	h := servePeers(t, r, nil)
	if w := post(t, h, "/v1/alertmanager/shop", one, "Peer eu"); w.Code != http.StatusOK || len(r.endpoints) != 1 || r.endpoints[0].String() != "shop/eu" {
		t.Errorf("got %d %s, recorded %v; want 200, 1, \"shop/eu\"", w.Code, w.Body, r.endpoints)
	}
	for _, authorization := range []string{"", "Bearer token-of-eu"} {
		if w := post(t, h, "/v1/alertmanager/shop", one, authorization); w.Code != http.StatusUnauthorized || len(r.endpoints) != 1 {
			t.Errorf("%q is accepted on the peer listener: %d; want 401, 1", authorization, w.Code)
		}
	}
	if w := send(t, h, http.MethodGet, forward.Path, http.NoBody, "Peer "); w.Code != http.StatusOK {
		t.Errorf("the leader does not answer a probe: %d; want 200", w.Code)
	}
}

func testForwardedMessageIsNotForwardedAgain(t *testing.T) {
	r, l := &record{}, &fakeForwarder{answer: forward.Answer{Code: http.StatusOK}}
	h := servePeers(t, r, func(o *Options) { o.Leading, o.Forward = func() bool { return false }, l })
	for _, w := range []*httptest.ResponseRecorder{
		post(t, h, "/v1/alertmanager/shop", one, "Peer eu"), send(t, h, http.MethodGet, forward.Path, http.NoBody, "Peer "),
	} {
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("got %d %s; want 503", w.Code, w.Body)
		}
	}
	if len(l.sent)+len(r.endpoints) > 0 {
		t.Errorf("sent %v, recorded %v; want none", l.sent, r.endpoints)
	}
}

func testWithoutReplicasKeyResponseIs503(t *testing.T) {
	h := servePeers(t, &record{}, func(o *Options) {
		o.AuthenticatePeer = func(*http.Request) (string, error) { return "", errors.New("the API server is away") }
	})
	if w := post(t, h, "/v1/alertmanager/shop", one, "Peer eu"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d %s; want 503", w.Code, w.Body)
	}
}

func testFollowersAnswerSaysWhatLeaderHasAccepted(t *testing.T) {
	leads, level := serveWrites(t, map[string]string{"selector": "hits", "threshold": "1", "aggregation": "last"})
	h, _ := serve(t, &record{}, func(o *Options) { o.Leading, o.Forward = func() bool { return false }, &leader{h: leads} })
	expect := func(what, proto string, body []byte, code int, written string) {
		t.Helper()
		w := postWrite(t, h, proto, body)
		var got []string
		for _, name := range writtenHeaders {
			got = append(got, w.Header().Get(name))
		}
		if w.Code != code || strings.TrimSpace(strings.Join(got, " ")) != written || level.String() != "5" {
			t.Errorf("%s: got %d %s, written %q, and the level %s; want %d, %q, 5", what, w.Code, w.Body, got, level, code, written)
		}
	}
	hits := writev2.TimeSeries{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Value: 5, Timestamp: time.Now().UnixMilli()}}}
	m := &writev2.Request{Symbols: []string{"", "__name__", "hits"}, Timeseries: []writev2.TimeSeries{hits}}
	expect("version 2.0", protoV2, encode(t, m), http.StatusNoContent, "1 0 0")
	m.Timeseries = append(m.Timeseries, writev2.TimeSeries{LabelsRefs: []uint32{1, 77}, Samples: hits.Samples})
	expect("a series that is refused", protoV2, encode(t, m), http.StatusBadRequest, "1 0 0")
	expect("version 1.0", protoV1, encode(t, version1("hits", 5)), http.StatusNoContent, "")
}
