package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// nats starts a real nats-server with JetStream, and returns its address.
func (w *world) nats() (address string, js jetstream.JetStream) {
	w.t.Helper()
	address = freeAddress(w.t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.spawn("nats-server", filepath.Join(suite.bin, "nats-server"), "-js", "-a", "127.0.0.1", "-p", port, "-sd", w.t.TempDir())
	conn, err := nats.Connect("nats://"+address, nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond), nats.MaxReconnects(200))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(conn.Close)
	w.until("nats-server answers", func(context.Context) (bool, error) { return conn.IsConnected(), nil }, func() string { return "" })
	if js, err = jetstream.New(conn); err != nil {
		w.t.Fatal(err)
	}
	return address, js
}

func TestWhatIsSentByHandScalesAndSaysSo(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 1)
	w.apply(onAlert("web") + "  - {type: push, name: jobs, metadata: {threshold: 10}}\n")
	tokens := filepath.Join(t.TempDir(), "tokens")
	token := filepath.Join(t.TempDir(), "token")
	for path, text := range map[string]string{tokens: w.ns + "=the-token-of-this-test\n", token: "the-token-of-this-test\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	i := w.run("--tokens-file", tokens)
	send := func(args ...string) {
		t.Helper()
		args = append([]string{"send"}, append(args, "--server", i.url, "--token-file", token)...)
		w.until("it is sent: "+strings.Join(args, " "), func(ctx context.Context) (bool, error) {
			_, err := process.Run(ctx, suite.impulse, args...)
			return err == nil, i.Err()
		}, func() string { return logOf(i.Process) })
	}
	send("alert", "--namespace", w.ns, "alertname=web")
	w.replicas("web", 5)
	send("value", w.ns+"/web", "--trigger", "jobs", "73")
	w.replicas("web", 8)
	send("value", w.ns+"/web", "--trigger", "jobs", "0")
	w.replicas("web", 5)
	send("alert", "--namespace", w.ns, "alertname=web", "--resolve")
	w.replicas("web", 1)
	if out, err := process.Run(t.Context(), suite.impulse, "send", "value", "other/web", "73", "--trigger", "jobs", "--server", i.url, "--token-file", token); err == nil {
		t.Errorf("another namespace was reached: %s", out)
	}
}

func TestWhatWasPublishedWhileImpulseWasDeadIsTakenUp(t *testing.T) {
	w := newWorld(t)
	address, js := w.nats()
	w.queue(js, "LEVELS", jetstream.ConsumerConfig{Durable: "worker", AckWait: time.Second})
	publish := func(body string) {
		t.Helper()
		if _, err := js.Publish(t.Context(), "LEVELS", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	w.deployment("worker", 1)
	w.apply(fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker}
spec:
  scaleTargetRef: {name: worker}
  minReplicaCount: 1
  maxReplicaCount: 20
  cooldownPeriod: 0
  triggers:
  - {type: push, metadata: {threshold: 10, natsURL: 'nats://%s', stream: LEVELS, consumer: worker}}
`, address))
	publish(`{"value": 35}`)
	i := w.run()
	w.replicas("worker", 4)
	i.Kill()
	publish(`{"value": 15}`)
	publish(`{"value": 95}`)
	publish(`{"value": 62}`)
	w.restart(i)
	w.replicas("worker", 7)
	keeps := w.never("worker", 7)
	i.Kill()
	w.restart(i) // What was acknowledged is remembered, and does not come again.
	keeps()
	publish(`{"value": 5}`)
	w.replicas("worker", 1)
}

// A real Alertmanager that lets in only who knows its password, and that posts to nobody.
func TestAnAlertThatNoDeliveryBroughtIsFoundByReconciling(t *testing.T) {
	const (
		password = "the-password-of-this-test"
		hash     = "$2a$04$1m50TfM5yOWd2n.cYEGdtOhCXHR1aQNCKsqyAOso5A4pKJoE3kZm."
	)
	w := newIdleWorld(t)
	web := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(web, []byte("basic_auth_users: {impulse: '"+hash+"'}"), 0o600); err != nil {
		t.Fatal(err)
	}
	am := w.alertmanagerAs("impulse:"+password+"@", "{route: {receiver: nobody}, receivers: [{name: nobody}]}", "--web.config.file", web)
	w.alert(am, "web", "page", true)
	w.deployment("web", 1)
	w.apply(fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: alertmanager}
stringData: {username: impulse, password: not-this-one}
---
apiVersion: impulse.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: alertmanager}
spec:
  secretTargetRef:
  - {parameter: username, name: alertmanager, key: username}
  - {parameter: password, name: alertmanager, key: password}
---%s    authenticationRef: {name: alertmanager}
`, strings.Replace(onAlert("web"), "replicas: 5}", "replicas: 5, authModes: basic, reconcile: '"+strings.Replace(am, "impulse:"+password+"@", "", 1)+"'}", 1)))
	i := w.run()
	w.until("the log says that it is not let in", func(context.Context) (bool, error) {
		return strings.Contains(logOf(i.Process), "401"), i.Err()
	}, func() string { return logOf(i.Process) })
	if n := w.count(t.Context(), "web"); n != 1 {
		t.Errorf("there are %d replicas before it was let in", n)
	}
	w.apply("{apiVersion: v1, kind: Secret, metadata: {name: alertmanager}, stringData: {password: " + password + "}}")
	w.replicas("web", 5)
	if strings.Contains(logOf(i.Process), password) || strings.Contains(logOf(i.Process), "not-this-one") {
		t.Error("the log has the password")
	}
}
