package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
)

func TestTenants(t *testing.T) {
	t.Run("requests without their body occupy no slot", testRequestsWithoutTheirBodyOccupyNoSlot)
	t.Run("a principal has slots of its own", testPrincipalHasSlotsOfItsOwn)
	t.Run("idle connections make room", testIdleConnectionsMakeRoom)
	t.Run("bodies beyond the memory of a tenant leave room for others", testBodiesBeyondMemoryOfTenantLeaveRoomForOthers)
	t.Run("a refusal reaches a sender that keeps sending", testRefusalReachesSenderThatKeepsSending)
}

// hookReceiver returns a receiver. Its hook jobs of two tenants accepts every message of every sender.
func hookReceiver(r endpoints.Recorder, o *Options) *endpoints.Receiver {
	all := receiver(r, o)
	for _, namespace := range []string{"shop", "bank"} {
		all.Listen(triggers.Endpoint{Namespace: namespace, Object: "jobs", Trigger: "jobs", Hook: "jobs", Signed: true},
			func(context.Context, triggers.Message) ([]triggers.Level, error) {
				return []triggers.Level{{On: true}}, nil
			})
	}
	return all
}

// tenantOptions returns the options of a server with two tenants, shop and bank. Their credentials are in a file, because the
// server reads it again while it runs.
func tenantOptions(t *testing.T, r endpoints.Recorder) func(*Options) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials.yaml")
	const list = "- {name: shop, namespaces: [shop], token: token-of-shop}\n- {name: bank, namespaces: [bank], token: token-of-bank}\n"
	if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := auth.Read(auth.Files{List: path})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Credentials, o.Receiver, o.HealthAddr = both, hookReceiver(r, o), "127.0.0.1:0" }
}

// announce sends the header of a POST with the given length of the body, and returns the connection and the first line of the
// response. The server asks for the body when it begins to read it.
func announce(t *testing.T, s *Server, path, token string, size int) (net.Conn, string) {
	t.Helper()
	conn := dial(t, s)
	header := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: impulse\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", path, size)
	if token != "" {
		header += "Authorization: Bearer " + token + "\r\n"
	}
	if _, err := io.WriteString(conn, header+"\r\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return conn, strings.TrimSpace(line)
}

// request sends a request on a new connection, and returns the response.
func request(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func testRequestsWithoutTheirBodyOccupyNoSlot(t *testing.T) {
	for name, c := range map[string]struct{ path, token string }{
		"without a credential, to a webhook": {"/v1/webhook/bank/jobs", ""},
		"alerts of another namespace":        {"/v1/alertmanager/bank", "token-of-bank"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, &record{}, nil, tenantOptions(t, &record{}))
			for i := range 257 {
				if _, line := announce(t, s, c.path, c.token, 1000); line != "HTTP/1.1 100 Continue" {
					t.Fatalf("header %d is answered with %s", i, line)
				}
			}
			for path, token := range map[string]string{
				"/v1/webhook/shop/jobs": "token-of-shop", "/v1/alertmanager/shop": "token-of-shop", "/v1/webhook/bank/jobs": "", "/v1/alertmanager/bank": "token-of-bank",
			} {
				if code, why := request(t, http.MethodPost, "http://"+s.Addr()+path, token, one); code != http.StatusOK {
					t.Errorf("%s is answered with %d %s; want 200", path, code, why)
				}
			}
			if code, _ := request(t, http.MethodGet, "http://"+s.Addr()+"/metrics", "token-of-shop", ""); code != http.StatusOK {
				t.Errorf("metrics are answered with %d; want 200", code)
			}
		})
	}
}

// blockingRecorder is a recorder that blocks on the namespace bank until end is closed.
type blockingRecorder struct{ began, end chan struct{} }

func (b *blockingRecorder) Record(ctx context.Context, d store.Delivery) (store.Result, error) {
	if d.Endpoint.Namespace != "bank" {
		return store.Result{}, nil
	}
	select {
	case b.began <- struct{}{}:
	case <-ctx.Done(): // The test expects no more requests.
		return store.Result{}, ctx.Err()
	}
	<-b.end // On a slow machine the requests before it are late, but must not end.
	return store.Result{}, nil
}

// principalCase is a principal of the namespace bank, and the number of its slots.
type principalCase struct {
	path, credential string
	slots            int
	// forwarded: another replica forwards the requests, and names the credential that it has checked.
	forwarded bool
}

// authorization returns the Authorization header for a credential.
func (c principalCase) authorization(credential string) string {
	switch {
	case c.forwarded || credential == "":
		return credential
	default:
		return "Bearer token-of-" + credential
	}
}

// route returns the name of the principal's route.
func (c principalCase) route() string {
	name := strings.Split(c.path, "/")[2]
	if c.forwarded {
		return "peer/" + name
	}
	return name
}

func testPrincipalHasSlotsOfItsOwn(t *testing.T) {
	const webhook, alertmanager = "/v1/webhook/bank/jobs", "/v1/alertmanager/bank"
	for name, c := range map[string]principalCase{
		"a credential":                         {alertmanager, "bank", slotsPerCredential, false},
		"no credential":                        {webhook, "", slotsPerNamespace, false},
		"a credential, by another replica":     {alertmanager, "bank", slotsPerCredential, true},
		"no credential, by another replica":    {webhook, auth.Anonymous, slotsPerNamespace, true},
		"a token without a name, by a replica": {alertmanager, "", slotsPerCredential, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := &blockingRecorder{began: make(chan struct{}), end: make(chan struct{})}
			h, s := serve(t, &record{}, func(o *Options) {
				tenantOptions(t, b)(o)
				o.AuthenticatePeer = func(r *http.Request) (string, error) { return r.Header.Get("Authorization"), nil }
			})
			if c.forwarded {
				h = s.peerRoutes()
			}
			c.useAllSlots(t, h, s, b)
			if len(s.slots.inUse) > 0 {
				t.Errorf("slots are left over: %v; want none", s.slots.inUse)
			}
		})
	}
}

// useAllSlots uses every slot of the principal, and checks that other principals are served.
func (c principalCase) useAllSlots(t *testing.T, h http.Handler, s *Server, b *blockingRecorder) {
	t.Helper()
	codes := make(chan int, c.slots)
	for range c.slots {
		go func() { codes <- post(t, h, c.path, one, c.authorization(c.credential)).Code }()
		<-b.began
	}
	if w := post(t, h, c.path, one, c.authorization(c.credential)); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "at once") {
		t.Errorf("one request too many is answered with %d %s; want 503, and \"at once\" in the text", w.Code, w.Body)
	}
	if n := testutil.ToFloat64(s.metrics.limited.WithLabelValues(c.route(), "concurrency")); n != 1 {
		t.Errorf("%v are counted for %s; want 1", n, c.route())
	}
	for path, credential := range map[string]string{"/v1/alertmanager/shop": "shop", "/v1/webhook/shop/jobs": ""} {
		if w := post(t, h, path, one, c.authorization(credential)); w.Code != http.StatusOK {
			t.Errorf("%s is answered with %d %s; want 200", path, w.Code, w.Body)
		}
	}
	close(b.end)
	for range c.slots {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("a request that had a slot is answered with %d; want 200", code)
		}
	}
}

func testIdleConnectionsMakeRoom(t *testing.T) {
	s := startServer(t, &record{}, nil, tenantOptions(t, &record{}))
	for i := range maxConnections {
		conn := dial(t, s)
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: impulse\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, _ := request(t, http.MethodGet, "http://"+s.HealthAddr()+path, "", ""); code != http.StatusOK {
			t.Errorf("%s is answered with %d on the listener of probes; want 200", path, code)
		}
	}
	if code, why := request(t, http.MethodPost, "http://"+s.Addr()+"/v1/alertmanager/shop", "token-of-shop", one); code != http.StatusOK {
		t.Errorf("a new connection is answered with %d %s; want 200", code, why)
	}
	if n := testutil.ToFloat64(s.metrics.closed.WithLabelValues("public")); n != maxConnections/2+1 {
		t.Errorf("%v connections were closed", n)
	}
	if code, _ := request(t, http.MethodGet, "http://"+s.HealthAddr()+"/metrics", "token-of-shop", ""); code != http.StatusNotFound {
		t.Errorf("metrics are answered with %d on the listener of probes; want 404", code)
	}
}

func testBodiesBeyondMemoryOfTenantLeaveRoomForOthers(t *testing.T) {
	s := startServer(t, &record{}, nil, func(o *Options) {
		tenantOptions(t, &record{})(o)
		o.BodyMemory = 1 << 20
	})
	for range 2 {
		conn, line := announce(t, s, "/v1/alertmanager/bank", "token-of-bank", 300_000)
		if _, err := io.WriteString(conn, strings.Repeat(" ", 200_000)); err != nil || line != "HTTP/1.1 100 Continue" {
			t.Fatal(line, err)
		}
	}
	testkit.Eventually(t, "all that was sent has arrived", func(context.Context) bool {
		s.memory.mu.Lock()
		defer s.memory.mu.Unlock()
		return s.memory.all.used == 1<<19
	})
	code, why := request(t, http.MethodPost, "http://"+s.Addr()+"/v1/alertmanager/bank", "token-of-bank", one)
	if code != http.StatusServiceUnavailable || !strings.Contains(why, "too many bytes") {
		t.Errorf("one too many is answered with %d %s; want 503, text with too many bytes", code, why)
	}
	if n := testutil.ToFloat64(s.metrics.limited.WithLabelValues("alertmanager", "memory")); n != 1 {
		t.Errorf("%v are counted; want 1", n)
	}
	for path, token := range map[string]string{"/v1/alertmanager/shop": "token-of-shop", "/v1/webhook/bank/jobs": ""} {
		if code, why := request(t, http.MethodPost, "http://"+s.Addr()+path, token, one); code != http.StatusOK {
			t.Errorf("%s is answered with %d %s; want 200", path, code, why)
		}
	}
}

func testRefusalReachesSenderThatKeepsSending(t *testing.T) {
	s := startServer(t, &record{}, nil, func(o *Options) {
		tenantOptions(t, &record{})(o)
		o.BodyMemory = 1 << 20
	})
	reserveAll(s.memory, auth.Principal{Name: "bank"}, firstRead)
	conn := dial(t, s)
	write := func(text string) {
		t.Helper()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	const half = 2 << 20
	write(fmt.Sprintf("POST /v1/alertmanager/bank HTTP/1.1\r\nHost: impulse\r\nAuthorization: Bearer token-of-bank\r\nContent-Length: %d\r\n\r\n", 2*half))
	write(strings.Repeat(" ", half))
	answers := bufio.NewReader(conn)
	first, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	why, err := io.ReadAll(first.Body)
	if err != nil || first.Body.Close() != nil || first.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(why), "too many bytes") {
		t.Fatalf("answered with %d %s, %v", first.StatusCode, why, err)
	}
	write(strings.Repeat(" ", half))
	write("GET /healthz HTTP/1.1\r\nHost: impulse\r\n\r\n")
	next, err := http.ReadResponse(answers, nil)
	if err != nil || next.Body.Close() != nil || next.StatusCode != http.StatusOK {
		t.Errorf("the next request of the connection is answered with %v, %v; want no error, 200", next, err)
	}
}
