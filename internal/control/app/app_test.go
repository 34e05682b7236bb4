package app

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestApp(t *testing.T) {
	t.Run("files are followed, and their state survives the process", testFilesAreFollowedAndTheirStateSurvivesProcess)
	t.Run("a follower forwards messages and takes over when the leader stops", testFollowerForwardsMessagesAndTakesOverWhenLeaderStops)
	t.Run("only the leader exports the gauges of the store", testOnlyLeaderExportsGaugesOfStore)
	t.Run("without an API server the process is alive, not ready, and stops", testWithoutAPIServerProcessIsAliveNotReadyAndStops)
	t.Run("new tokens are accepted without a restart", testNewTokensAreAcceptedWithoutRestart)
	t.Run("two processes cannot listen on one address", testTwoProcessesCannotListenOnOneAddress)
}

func testFilesAreFollowedAndTheirStateSurvivesProcess(t *testing.T) {
	e := newEnv(t)
	o := e.options()
	r := start(t, o)
	r.awaitReady()
	r.postAlert(e.Namespace, "firing")
	e.AwaitReplicas("web", 5)
	begin := time.Now()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if holder := e.holder(); holder != "" && time.Since(begin) < time.Second { // A release that takes longer is given up.
		t.Errorf("after the stop, got the lease holder %q, want none", holder)
	}
	stays := e.ExpectReplicas("web", 5)
	r = start(t, o)
	r.awaitReady()
	stays()
	e.writeObject(8) // The alert is still in the store, and the new object selects it.
	e.AwaitReplicas("web", 8)
	r.postAlert(e.Namespace, "resolved")
	e.AwaitReplicas("web", 1)
}

func testFollowerForwardsMessagesAndTakesOverWhenLeaderStops(t *testing.T) {
	e := newEnv(t)
	a := start(t, e.options())
	a.awaitReady()
	leads := e.holder()
	b := start(t, e.options())
	b.awaitReady() // To pass on, which it does at once.
	for {
		b.postAlert(e.Namespace, "firing")
		e.AwaitReplicas("web", 5)
		if body := b.awaitAnswer(http.MethodPost, "/v1/alertmanager/"+e.Namespace, "{}", http.StatusBadRequest); !strings.Contains(body, "version") {
			t.Errorf("sending an invalid alert to a replica that does not lead: got %q, want the leader's answer", body)
		}
		holder := e.holder()
		if holder == leads {
			break
		}
		a, b, leads = b, a, holder // The API server was too slow for the leader, so the other one answered itself.
	}
	stays := e.ExpectReplicas("web", 5)
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	testkit.Eventually(t, "the other leads, and has the alert", func(ctx context.Context) bool {
		code, metrics := b.get(ctx, "/metrics")
		return code == http.StatusOK && strings.Contains(metrics, "impulse_desired_replicas{")
	})
	stays()
	b.postAlert(e.Namespace, "resolved")
	e.AwaitReplicas("web", 1)
}

func testOnlyLeaderExportsGaugesOfStore(t *testing.T) {
	e := newEnv(t)
	a := start(t, e.options())
	a.awaitReady()
	b := start(t, e.options())
	b.awaitReady()
	a.postAlert(e.Namespace, "firing")
	e.AwaitReplicas("web", 5)
	tells := func(ctx context.Context, r *running) int {
		code, metrics := r.get(ctx, "/metrics")
		if code != http.StatusOK {
			return -1
		}
		n := 0
		for _, gauge := range []string{"impulse_alerts{", "impulse_desired_replicas{"} {
			if strings.Contains(metrics, gauge) {
				n++
			}
		}
		return n
	}
	testkit.Eventually(t, "the leader tells both gauges, and the other none", func(ctx context.Context) bool {
		n, others := tells(ctx, a), tells(ctx, b)
		if others == 2 {
			a, b, n, others = b, a, others, n
		}
		return n == 2 && others == 0
	})
	ghost := []byte(`{"spec": {"holderIdentity": "ghost"}}`)
	testkit.Eventually(t, "the former leader tells none", func(ctx context.Context) bool {
		_, err := e.Kube.CoordinationV1().Leases(e.Namespace).Patch(ctx, "impulse", types.MergePatchType, ghost, metav1.PatchOptions{})
		return err == nil && tells(ctx, a) == 0
	})
}

func testWithoutAPIServerProcessIsAliveNotReadyAndStops(t *testing.T) {
	o := Defaults()
	o.Kubeconfig, o.Listen, o.HealthListen = unreachableCluster(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	r := start(t, o)
	for _, address := range []string{o.Listen, o.HealthListen} {
		testkit.Eventually(t, "it is alive", func(ctx context.Context) bool {
			code, _ := testkit.Get(ctx, "http://"+address+"/healthz")
			return code == http.StatusOK
		})
	}
	code, why := r.get(t.Context(), "/readyz")
	if code != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got status code %d, want 503", code)
	}
	expectParts(t, why, "the API server is unavailable", "the leader cannot be reached")
	if code, metrics := r.get(t.Context(), "/metrics"); code != http.StatusOK {
		t.Errorf("/metrics: got status code %d, want 200", code)
	} else {
		expectParts(t, metrics, `impulse_decisions_total{outcome="raised"} 0`, "impulse_leader 0", "impulse_build_info{", "go_goroutines")
	}
	if code, _ := testkit.Post(t.Context(), r.url+"/v1/alertmanager/shop", testkit.AlertmanagerWebhook("Busy", "firing")); code != http.StatusServiceUnavailable {
		t.Errorf("sending an alert without a leader: got status code %d, want 503", code)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func testNewTokensAreAcceptedWithoutRestart(t *testing.T) {
	o := Defaults()
	o.Kubeconfig, o.Listen, o.TokensFile = unreachableCluster(t), testkit.FreeAddress(t), filepath.Join(t.TempDir(), "tokens")
	write := func(token string) {
		t.Helper()
		if err := os.WriteFile(o.TokensFile, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first-token")
	r := start(t, o)
	// An authenticated request is answered with 503, since no replica leads.
	answers := func(token string, code int) {
		t.Helper()
		testkit.Eventually(t, token+" gets the code "+strconv.Itoa(code), func(ctx context.Context) bool {
			got, _ := testkit.Request(ctx, http.MethodPost, r.url+"/v1/alertmanager/shop", token, nil)
			return got == code
		})
	}
	answers("first-token", http.StatusServiceUnavailable)
	answers("second-token", http.StatusUnauthorized)
	write("second-token")
	answers("second-token", http.StatusServiceUnavailable)
	answers("first-token", http.StatusUnauthorized)
}

func testTwoProcessesCannotListenOnOneAddress(t *testing.T) {
	o := Defaults()
	o.Kubeconfig, o.Listen, o.LogTo = unreachableCluster(t), testkit.FreeAddress(t), testkit.NewLog(t)
	first := start(t, o)
	testkit.Eventually(t, "the first listens", func(ctx context.Context) bool {
		code, _ := first.get(ctx, "/healthz")
		return code == http.StatusOK
	})
	err := Run(t.Context(), o)
	if err == nil {
		t.Fatal("the second one ran")
	}
	expectParts(t, err.Error(), "listen on "+o.Listen, "address already in use")
}
