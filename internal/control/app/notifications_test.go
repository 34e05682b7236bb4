package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestNotifications(t *testing.T) {
	t.Run("a process does not start with an invalid file", testProcessDoesNotStartWithInvalidFile)
	t.Run("each change of a count is sent once, also when another replica takes over", testEachChangeOfCountIsSentOnce)
}

// writeSinks writes a file of sinks, and returns its path.
func writeSinks(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sinks.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func testProcessDoesNotStartWithInvalidFile(t *testing.T) {
	o := Defaults()
	o.Kubeconfig, o.Config, o.StateDir, o.Listen = unreachableCluster(t), t.TempDir(), t.TempDir(), testkit.FreeAddress(t)
	o.NotificationsFile, o.ClusterName, o.LogTo = writeSinks(t, "sinks:\n- name: chat\n  htp: {}\n"), "a b", testkit.NewLog(t)
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--cluster-name") {
		t.Errorf("got the error %v, want that of --cluster-name", err)
	}
	o.ClusterName = "prod-1"
	err := Run(t.Context(), o)
	if want := `sinks.yaml:3:3: sinks[0]: unknown field (did you mean "http"?)`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got the error %v, want %q", err, want)
	}
}

// changes records the changes of counts that a server is notified of, such as 1>5.
type changes struct {
	mu  sync.Mutex
	all []string
}

// ServeHTTP records a notification.
func (c *changes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e struct {
		Cluster string
		Data    struct{ From, To int32 }
	}
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e.Cluster != "prod-1" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf("%d>%d", e.Data.From, e.Data.To))
}

// seen returns the changes so far.
func (c *changes) seen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.all, " ")
}

func testEachChangeOfCountIsSentOnce(t *testing.T) {
	e := newEnv(t)
	c := &changes{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	sinks := writeSinks(t, "sinks: [{name: recorder, http: {url: "+server.URL+"}, filter: {types: [scaled]}}]")
	begin := func() *running {
		o := e.options()
		o.NotificationsFile, o.ClusterName = sinks, "prod-1"
		r := start(t, o)
		r.awaitReady()
		return r
	}
	first, second := begin(), begin()
	first.postAlert(e.Namespace, "firing")
	e.AwaitReplicas("web", 5)
	testkit.Eventually(t, "the change is notified of", func(context.Context) bool { return c.seen() == "1>5" })
	if err := first.stop(); err != nil {
		t.Error(err)
	}
	second.postAlert(e.Namespace, "resolved")
	e.AwaitReplicas("web", 1)
	if err := second.stop(); err != nil { // What is queued is sent before the end.
		t.Error(err)
	}
	if got := c.seen(); got != "1>5 5>1" {
		t.Errorf("the server was notified of %s, want 1>5 5>1", got)
	}
}
