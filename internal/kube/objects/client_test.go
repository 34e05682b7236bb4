package objects_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/objects"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestClient(t *testing.T) {
	t.Run("a missing object differs from a missing CRD", testMissingObjectDiffersFromMissingCRD)
	t.Run("a proxy's 404 differs from a missing CRD", testProxys404DiffersFromMissingCRD)
	t.Run("the object that may have been meant is suggested", testObjectThatMayHaveBeenMeantIsSuggested)
	t.Run("an error names the missing right", testErrorNamesMissingRight)
	t.Run("an error names a server that cannot be reached", testErrorNamesServerThatCannotBeReached)
}

// client returns a client of a cluster.
func client(t *testing.T, config *rest.Config) *objects.Client {
	t.Helper()
	c, err := objects.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testMissingObjectDiffersFromMissingCRD(t *testing.T) {
	outage := sandbox.NewControlPlane(t)
	c := client(t, outage.Config)
	if _, err := c.Get(t.Context(), "default", "web"); !errors.Is(err, objects.ErrNoCRD) {
		t.Errorf("Get without the CRD: got error %v, want ErrNoCRD", err)
	}
	if _, err := c.List(t.Context(), objects.Query{}); !errors.Is(err, objects.ErrNoCRD) {
		t.Errorf("List without the CRD: got error %v, want ErrNoCRD", err)
	}
	outage.ApplyCRDs("../../../deploy/crds")
	if _, err := c.Get(t.Context(), "default", "web"); err == nil || err.Error() != `there is no ScaledObject "web" in namespace "default"` {
		t.Errorf("Get with the CRD: got error %v, want that there is no such object", err)
	}
}

// A proxy's answer is no status of an API server, just as that of an API server that lacks the CRD is none.
func testProxys404DiffersFromMissingCRD(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no route to the API server", http.StatusBadGateway)
	}))
	defer proxy.Close()
	c := client(t, &rest.Config{Host: proxy.URL})
	if _, err := c.Get(t.Context(), "default", "web"); err == nil || errors.Is(err, objects.ErrNoCRD) {
		t.Errorf("Get by a proxy that answers 502: got error %v, want another one than ErrNoCRD", err)
	}
	if _, err := c.List(t.Context(), objects.Query{Namespace: "default"}); err == nil || errors.Is(err, objects.ErrNoCRD) {
		t.Errorf("List by a proxy that answers 502: got error %v, want another one than ErrNoCRD", err)
	}
}

// object returns an object with a name.
func object(name string) string {
	return "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: " + name + ", labels: {app: " + name + "}}\nspec:\n  scaleTargetRef: {name: " + name + "}\n" +
		"  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: \"3\"}}]\n"
}

// newEnv returns a namespace with objects.
func newEnv(t *testing.T, names ...string) *sandbox.Env {
	t.Helper()
	e := sandbox.NewEnv(t)
	sandbox.ApplyCRDs(t, "../../../deploy/crds")
	for _, name := range names {
		e.Apply(object(name))
	}
	return e
}

func testObjectThatMayHaveBeenMeantIsSuggested(t *testing.T) {
	e, other := newEnv(t, "checkout", "cart"), newEnv(t, "only-elsewhere", "cart")
	c := client(t, e.Config)
	for name, want := range map[string]string{
		"checkuot": `(did you mean "checkout"?)`, "only-elsewhere": `(did you mean "` + other.Namespace + `/only-elsewhere"?)`,
		"only-elsewher": `(did you mean "` + other.Namespace + `/only-elsewhere"?)`, "zzzzzzzzzzzzzzzzzz": "",
	} {
		_, err := c.Get(t.Context(), e.Namespace, name)
		if want = strings.TrimSpace(`there is no ScaledObject "` + name + `" in namespace "` + e.Namespace + `" ` + want); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

func testErrorNamesMissingRight(t *testing.T) {
	e := newEnv(t)
	nobody := rest.CopyConfig(e.Config)
	nobody.Impersonate.UserName = "nobody"
	c := client(t, nobody)
	_, get := c.Get(t.Context(), e.Namespace, "web")
	_, list := c.List(t.Context(), objects.Query{Namespace: e.Namespace})
	_, all := c.List(t.Context(), objects.Query{})
	for want, err := range map[string]error{
		"read ScaledObject " + e.Namespace + `/web: user "nobody" lacks the right to get scaledobjects.impulse.sh in namespace ` + e.Namespace: get,
		`list the ScaledObjects: user "nobody" lacks the right to list scaledobjects.impulse.sh in namespace ` + e.Namespace:                   list,
		`list the ScaledObjects: user "nobody" lacks the right to list scaledobjects.impulse.sh in all namespaces (-n selects one)`:            all,
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	unauthenticated := rest.AnonymousClientConfig(e.Config)
	unauthenticated.BearerToken = "expired"
	if _, err := client(t, unauthenticated).Get(t.Context(), e.Namespace, "web"); err == nil || !strings.HasSuffix(err.Error(), e.Config.Host+" does not accept the credentials: log in again, or choose another context or user") {
		t.Errorf("with a wrong token: got error %v", err)
	}
}

func testErrorNamesServerThatCannotBeReached(t *testing.T) {
	host := "http://" + testkit.FreeAddress(t)
	if _, err := client(t, &rest.Config{Host: host}).Get(t.Context(), "shop", "web"); err == nil || !strings.HasPrefix(err.Error(), "read ScaledObject shop/web: "+host+" cannot be reached: dial tcp ") {
		t.Errorf("nothing listens: got error %v", err)
	}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	if _, err := client(t, &rest.Config{Host: silent.URL, Timeout: time.Millisecond}).List(t.Context(), objects.Query{}); err == nil || err.Error() != "list the ScaledObjects: "+silent.URL+" does not answer in time" {
		t.Errorf("a server that does not answer: got error %v", err)
	}
	if err := objects.Explain(context.DeadlineExceeded, silent.URL, "get", "scaledobjects.impulse.sh", ""); err.Error() != silent.URL+" does not answer in time" {
		t.Errorf("the time was over before the request was sent: got error %v", err)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	if _, err := client(t, &rest.Config{Host: secure.URL}).List(t.Context(), objects.Query{}); err == nil || !strings.Contains(err.Error(), secure.URL+" cannot be reached: failed to verify certificate: x509: ") {
		t.Errorf("a certificate of an unknown authority: got error %v", err)
	}
}
