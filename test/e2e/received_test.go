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

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestReceived(t *testing.T) {
	t.Parallel()
	t.Run("a level that is sent with impulse send scales and is explained", testLevelThatIsSentWithImpulseSendScalesAndIsExplained)
	t.Run("a message that was published while Impulse was down is read", testMessageThatWasPublishedWhileImpulseWasDownIsRead)
	t.Run("an alert without a delivery is found by a reconcile", testAlertWithoutDeliveryIsFoundByReconcile)
}

// nats starts a real nats-server with JetStream, and returns its address.
func (e *env) nats() (address string, js jetstream.JetStream) {
	e.t.Helper()
	address = testkit.FreeAddress(e.t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		e.t.Fatal(err)
	}
	e.spawn("nats-server", sandbox.Binary(e.t, "nats-server"), "-js", "-a", "127.0.0.1", "-p", port, "-sd", e.t.TempDir())
	conn, err := nats.Connect("nats://"+address, nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(conn.Close)
	if js, err = jetstream.New(conn); err != nil {
		e.t.Fatal(err)
	}
	e.request("nats-server answers", func(ctx context.Context) error {
		_, err := js.AccountInfo(ctx)
		return err
	})
	return address, js
}

func testLevelThatIsSentWithImpulseSendScalesAndIsExplained(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web") + "  - {type: push, name: jobs, metadata: {threshold: 10}}\n")
	tokens := filepath.Join(t.TempDir(), "tokens")
	token := filepath.Join(t.TempDir(), "token")
	for path, text := range map[string]string{tokens: e.Namespace + "=the-token-of-this-test\n", token: "the-token-of-this-test\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	i := e.run("--tokens-file", tokens)
	send := func(args ...string) {
		t.Helper()
		args = append([]string{"send"}, append(args, "--server", i.url, "--token-file", token)...)
		e.until("it was sent: "+strings.Join(args, " "), func(ctx context.Context) (bool, error) {
			_, err := process.Run(ctx, e.command, args...)
			return err == nil, i.Err()
		}, func() string { return i.LogTail(logTail) })
	}
	send("alert", "--namespace", e.Namespace, "alertname=web")
	e.AwaitReplicas("web", 5)
	send("value", e.Namespace+"/web", "--trigger", "jobs", "73")
	e.AwaitReplicas("web", 8)
	send("value", e.Namespace+"/web", "--trigger", "jobs", "0")
	e.AwaitReplicas("web", 5)
	send("alert", "--namespace", e.Namespace, "alertname=web", "--resolve")
	e.AwaitReplicas("web", 1)
	if out, err := process.Run(t.Context(), e.command, "send", "value", "other/web", "73", "--trigger", "jobs", "--server", i.url, "--token-file", token); err == nil {
		t.Errorf("the message reached another namespace: %s", out)
	}
}

func testMessageThatWasPublishedWhileImpulseWasDownIsRead(t *testing.T) {
	e := newEnv(t)
	address, js := e.nats()
	e.queue(js, "LEVELS", jetstream.ConsumerConfig{Durable: "worker", AckWait: time.Second})
	publish := func(body string) { e.publish(js, "LEVELS", body) }
	e.ApplyDeployment("worker", 1)
	e.Apply(fmt.Sprintf(`
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
	i := e.run()
	e.AwaitReplicas("worker", 4)
	i.Kill()
	publish(`{"value": 15}`)
	publish(`{"value": 95}`)
	publish(`{"value": 62}`)
	e.restart(i)
	e.AwaitReplicas("worker", 7)
	keeps := e.ExpectReplicas("worker", 7)
	i.Kill()
	e.restart(i) // What was acknowledged is remembered, and does not come again.
	keeps()
	publish(`{"value": 5}`)
	e.AwaitReplicas("worker", 1)
}

// A real Alertmanager with a password, which posts to no receiver.
func testAlertWithoutDeliveryIsFoundByReconcile(t *testing.T) {
	const (
		password = "the-password-of-this-test"
		hash     = "$2a$04$1m50TfM5yOWd2n.cYEGdtOhCXHR1aQNCKsqyAOso5A4pKJoE3kZm."
	)
	e := newIdleEnv(t)
	web := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(web, []byte("basic_auth_users: {impulse: '"+hash+"'}"), 0o600); err != nil {
		t.Fatal(err)
	}
	am := e.alertmanagerAs("impulse:"+password+"@", "{route: {receiver: nobody}, receivers: [{name: nobody}]}", "--web.config.file", web)
	e.alert(am, "web", "page", true)
	e.ApplyDeployment("web", 1)
	e.Apply(fmt.Sprintf(`
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
	i := e.run()
	e.until("the log reports a wrong password", func(context.Context) (bool, error) {
		return strings.Contains(i.LogTail(logTail), "401"), i.Err()
	}, func() string { return i.LogTail(logTail) })
	if n := e.count(t.Context(), "web"); n != 1 {
		t.Errorf("there are %d replicas before the password was right", n)
	}
	e.Apply("{apiVersion: v1, kind: Secret, metadata: {name: alertmanager}, stringData: {password: " + password + "}}")
	e.AwaitReplicas("web", 5)
	if strings.Contains(i.LogTail(logTail), password) || strings.Contains(i.LogTail(logTail), "not-this-one") {
		t.Error("the log has the password")
	}
}
