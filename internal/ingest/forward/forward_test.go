package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestForward(t *testing.T) {
	t.Run("a message reaches the leader without the sender's credential", testMessageReachesLeaderWithoutSendersCredential)
	t.Run("a message does not wait behind those of another principal", testMessageDoesNotWaitBehindThoseOfAnotherPrincipal)
	t.Run("nothing is sent to a server with another certificate", testNothingIsSentToServerWithAnotherCertificate)
	t.Run("a request with the wrong key is refused", testRequestWithWrongKeyIsRefused)
	t.Run("the key can be rotated while the replicas run", testKeyCanBeRotatedWhileReplicasRun)
	t.Run("the first replica creates the key", testFirstReplicaCreatesKey)
	t.Run("an unreachable leader is an error", testUnreachableLeaderIsError)
	t.Run("the advertised address is the one that other replicas use", testAdvertisedAddressIsOneThatOtherReplicasUse)
}

// cluster is a namespace of the real API server.
type cluster struct {
	t         *testing.T
	client    *typedcorev1.CoreV1Client
	namespace string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	t.Parallel()
	config := sandbox.Config(t)
	client, err := typedcorev1.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, client: client, namespace: sandbox.Namespace(t, config)}
}

func (c *cluster) key() *Key { return NewKey(c.client.Secrets(c.namespace)) }

// readKey returns a key that has been read: on a busy machine the first read may take longer than keyTimeout.
func (c *cluster) readKey() *Key {
	c.t.Helper()
	key := c.key()
	testkit.Eventually(c.t, "the key is read", func(ctx context.Context) bool {
		_, err := key.get(ctx, nil)
		return err == nil
	})
	return key
}

// setKey stores a key in the Secret; nil removes the key, as in the manifests.
func (c *cluster) setKey(key []byte) {
	c.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: SecretName}}
	if key != nil {
		secret.Data = map[string][]byte{secretField: key}
	}
	secrets := c.client.Secrets(c.namespace)
	_, err := secrets.Update(c.t.Context(), secret, metav1.UpdateOptions{})
	if err != nil {
		_, err = secrets.Create(c.t.Context(), secret, metav1.CreateOptions{})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// replica listens for other replicas, and stores the messages that they forward.
type replica struct {
	*Listener
	key *Key

	mu  sync.Mutex
	got []*http.Request
	// wire are the headers as they came.
	wire []http.Header
	by   []string
	// slow is the credential whose messages are not answered before end.
	slow string
	end  chan struct{}
	// answer, if set, answers all requests.
	answer func(http.ResponseWriter)
}

func (c *cluster) replica() *replica {
	c.t.Helper()
	self, err := Listen(c.t.Context(), "127.0.0.1:0", "")
	if err != nil {
		c.t.Fatal(err)
	}
	r := &replica{Listener: self, key: c.readKey(), slow: "slow", end: make(chan struct{})}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(self.WithTLS(self)) })
	c.t.Cleanup(func() {
		_ = server.Close()
		done.Wait()
	})
	return r
}

func (r *replica) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	wire := request.Header.Clone()
	credential, err := r.key.Authenticate(request)
	if err != nil {
		http.Error(w, "no access", http.StatusUnauthorized)
		return
	}
	if r.answer != nil {
		r.answer(w)
		return
	}
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got, r.by, r.wire = append(r.got, request), append(r.by, credential), append(r.wire, wire)
	if credential == r.slow {
		r.mu.Unlock()
		<-r.end
		r.mu.Lock()
	}
	http.Error(w, "got "+string(body), http.StatusAccepted)
}

func (r *replica) messages() ([]*http.Request, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got, r.by
}

// clientOf returns the client of a replica for which holder is the leader.
func (c *cluster) clientOf(holder string) *Client {
	client := NewClient("self", func() string { return holder }, c.readKey(), slog.New(slog.DiscardHandler))
	c.t.Cleanup(client.close)
	return client
}

var message = Message{
	Method: http.MethodPost, URI: "/v1/alertmanager/shop?a=b%20c", Body: []byte("{}"), Credential: "prometheus-eu",
	Header: http.Header{
		"Authorization": {"Bearer the-senders-token"}, "Cookie": {"session=secret"}, "Impulse-Credential": {"somebody-else"},
		"Connection": {"close"}, "X-Hub-Signature-256": {"sha256=12"}, "Content-Type": {"application/json"},
	},
}

// forward forwards the message. It does so again if a connection takes longer than connectTimeout, as it may on a busy machine.
func forward(t *testing.T, client *Client) (answer Answer, err error) {
	t.Helper()
	for end := time.Now().Add(testkit.Timeout); ; {
		answer, err = client.Forward(t.Context(), message)
		if failed, ok := errors.AsType[net.Error](err); !ok || !failed.Timeout() || time.Now().After(end) {
			return answer, err
		}
	}
}

func testMessageReachesLeaderWithoutSendersCredential(t *testing.T) {
	c := newCluster(t)
	leader := c.replica()
	client := c.clientOf(leader.Identity())
	sameConnection := func() bool {
		got, _ := leader.messages()
		n := len(got)
		return n >= 3 && got[n-1].RemoteAddr == got[n-2].RemoteAddr
	}
	for i := 0; i < 3 || i < 20 && !sameConnection(); i++ { // On a busy machine net/http may not keep the connection of a message.
		answer, err := forward(t, client)
		if err != nil || answer.Code != http.StatusAccepted || answer.Text != "got {}\n" {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
	got, by := leader.messages()
	if len(got) < 3 || by[0] != "prometheus-eu" || got[0].URL.RequestURI() != message.URI || got[0].Method != http.MethodPost {
		t.Fatalf("the leader got %d messages: %v by %v", len(got), got, by)
	}
	if !sameConnection() {
		t.Error("each message took another connection than the one before")
	}
	if wire := fmt.Sprint(leader.wire); strings.Contains(wire, "the-senders-token") || strings.Contains(wire, "session=secret") || strings.Contains(wire, "somebody-else") {
		t.Errorf("the credential of the sender was forwarded: %s", wire)
	}
	header := got[0].Header
	if header.Get("X-Hub-Signature-256") == "" || header.Get("Content-Type") == "" {
		t.Errorf("the header lacks what the message means: %v", header)
	}
	for _, name := range []string{"Authorization", "Cookie", "Impulse-Credential"} {
		if value := header.Get(name); value != "" {
			t.Errorf("the handler gets %s: %s; want \"\"", name, value)
		}
	}
}

func testMessageDoesNotWaitBehindThoseOfAnotherPrincipal(t *testing.T) {
	c := newCluster(t)
	leader := c.replica()
	client := c.clientOf(leader.Identity())
	to, http, err := client.connect()
	if err != nil {
		t.Fatal(err)
	}
	key, err := client.key.get(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	slow := message
	slow.Credential = leader.slow
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	defer close(leader.end)
	for i := range idleConnections + 1 {
		all.Go(func() {
			for err := errors.New("not sent"); err != nil && ctx.Err() == nil; { // A connection may not be made in time.
				response, failed := send(ctx, http, to, key, slow)
				if err = failed; err == nil {
					_ = response.Body.Close()
				}
			}
		})
		testkit.Eventually(t, "one more waits for its answer", func(context.Context) bool {
			got, _ := leader.messages()
			return len(got) == i+1
		})
	}
	if answer, err := forward(t, client); err != nil || answer.Text != "got {}\n" {
		t.Errorf("a message of another sender: %+v, %v; want no error, got {}\n", answer, err)
	}
}

func testNothingIsSentToServerWithAnotherCertificate(t *testing.T) {
	c := newCluster(t)
	leader, other := c.replica(), c.replica()
	parts := strings.Split(leader.Identity(), "/")
	parts[1] = other.Addr().String() // The leader's address is that of another replica now.
	answer, err := forward(t, c.clientOf(strings.Join(parts, "/")))
	if err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("%+v, %v", answer, err)
	}
	if got, _ := other.messages(); len(got) > 0 {
		t.Errorf("the other replica got %v; want none", got)
	}
}

func testRequestWithWrongKeyIsRefused(t *testing.T) {
	c, other := newCluster(t), &cluster{t: t}
	other.client, other.namespace = c.client, sandbox.Namespace(t, sandbox.Config(t))
	leader := c.replica()
	answer, err := forward(t, other.clientOf(leader.Identity()))
	if err == nil || !strings.Contains(err.Error(), "refuses the key") {
		t.Errorf("%+v, %v", answer, err)
	}
	if got, _ := leader.messages(); len(got) > 0 {
		t.Errorf("the leader accepted %v; want none", got)
	}
	for _, authorization := range []string{"", "Bearer ", "Bearer AAAA", "Bearer !", "Basic AAAA"} {
		r := &http.Request{Header: http.Header{"Authorization": {authorization}}}
		if credential, err := leader.key.Authenticate(r.WithContext(t.Context())); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%q was authenticated as %q: %v", authorization, credential, err)
		}
	}
}

func testKeyCanBeRotatedWhileReplicasRun(t *testing.T) {
	c := newCluster(t)
	leader := c.replica()
	client := c.clientOf(leader.Identity())
	works := func(client *Client) func(context.Context) bool {
		return func(ctx context.Context) bool {
			_, err := client.Forward(ctx, message)
			return err == nil
		}
	}
	testkit.Eventually(t, "the first key works", works(client))
	c.setKey([]byte(strings.Repeat("k", keySize)))
	testkit.Eventually(t, "one who knows only the new key is let in", works(c.clientOf(leader.Identity())))
	testkit.Eventually(t, "one who knew the old key is let in", works(client))
	c.setKey(nil)
	testkit.Eventually(t, "a key is made where there is none any more", works(c.clientOf(leader.Identity())))
	testkit.Eventually(t, "one who knew the second key is let in", works(client))
}

func testFirstReplicaCreatesKey(t *testing.T) {
	c := newCluster(t)
	for _, prepare := range []func(){func() {}, func() { c.setKey(nil) }} {
		prepare()
		var all sync.WaitGroup
		keys := make([]string, 8)
		for i := range keys {
			all.Go(func() {
				own := c.key()
				testkit.Poll(t, func(ctx context.Context) bool {
					key, err := own.get(ctx, nil)
					keys[i] = string(key)
					return err == nil
				})
			})
		}
		all.Wait()
		for _, key := range keys {
			if key != keys[0] || len(key) != keySize {
				t.Errorf("keys differ, or have %d bytes", len(key))
			}
		}
	}
	c.setKey([]byte("short"))
	if key, err := c.key().get(t.Context(), nil); err == nil || strings.Contains(err.Error(), "short") || !strings.Contains(err.Error(), SecretName) {
		t.Errorf("%q, %v", key, err)
	}
}

func testUnreachableLeaderIsError(t *testing.T) {
	c := newCluster(t)
	parts := strings.Split(c.replica().Identity(), "/")
	parts[1] = testkit.FreeAddress(t)
	identity := strings.Join(parts, "/")
	for holder, want := range map[string]string{
		"": "no replica leads", "self": "no replica leads", "impulse-0_1234": "has no address", "a/b/c": "no fingerprint", identity: "connection refused",
	} {
		answer, err := forward(t, c.clientOf(holder))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %s", holder, answer, err, want)
		}
	}
}

func testAdvertisedAddressIsOneThatOtherReplicasUse(t *testing.T) {
	anywhere, loopback := &net.TCPAddr{IP: net.IPv4zero, Port: 8444}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
	for _, c := range []struct {
		listening              net.Addr
		advertise, pod, expect string
	}{
		{loopback, "", "", "127.0.0.1:4711"},
		{loopback, "", "10.1.2.3", "127.0.0.1:4711"},
		{anywhere, "", "10.1.2.3", "10.1.2.3:8444"},
		{anywhere, "", "fd00::1", "[fd00::1]:8444"},
		{&net.TCPAddr{IP: net.IPv6zero, Port: 8444}, "", "10.1.2.3", "10.1.2.3:8444"},
		{anywhere, "node-1", "10.1.2.3", "node-1:8444"},
		{anywhere, "node-1:99", "", "node-1:99"},
		{anywhere, "fd00::2", "", "[fd00::2]:8444"},
		{anywhere, "", "", ""},
		{anywhere, "node/1", "", ""},
		{anywhere, ":99", "", ""},
	} {
		got, err := advertised(c.listening, c.advertise, c.pod)
		if got != c.expect || (err != nil) != (c.expect == "") {
			t.Errorf("%v, %q, %q: %q, %v", c.listening, c.advertise, c.pod, got, err)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add("host_1/10.1.2.3:8444/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, identity string) {
		if to, err := parse(identity); err == nil {
			if _, _, err := net.SplitHostPort(to.address); err != nil {
				t.Errorf("%q has the address %q; want one with a host and a port", identity, to.address)
			}
		}
	})
}
