package endpoints

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/webhook"
)

func TestAMessageReachesEveryTriggerThatListens(t *testing.T) {
	w := begin(t)
	w.webhook("jobs", map[string]string{"hook": "ci", "value": "body.jobs", "threshold": "1"})
	w.webhook("urgent", map[string]string{"hook": "ci", "match": "body.urgent", "value": "body.jobs", "threshold": "1"})
	if code, says := w.call("ci", `{"jobs": 3, "urgent": false}`); code != 200 || w.level("jobs") != "3" || w.level("urgent") != "unknown" {
		t.Errorf("%d %s: %s, %s", code, says, w.level("jobs"), w.level("urgent"))
	}
	if code, _ := w.call("ci", `{"jobs": 5, "urgent": true}`); code != 200 || w.level("jobs") != "5" || w.level("urgent") != "5" {
		t.Errorf("%d: %s, %s", code, w.level("jobs"), w.level("urgent"))
	}
	// One does not understand it: the other does, and that is an answer of 200.
	if code, _ := w.call("ci", `{"jobs": 7}`); code != 200 || w.level("jobs") != "7" || w.level("urgent") != "5" {
		t.Errorf("%d: %s, %s", code, w.level("jobs"), w.level("urgent"))
	}
	code, says := w.call("ci", `{"urgent": true}`)
	if code != 400 || !strings.Contains(says, "shop/checkout, trigger jobs: value: no such key: jobs; shop/checkout, trigger urgent: value: ") {
		t.Errorf("%d %s", code, says)
	}
	if w.level("jobs") != "7" || w.level("urgent") != "5" {
		t.Errorf("what was not understood changed %s, %s", w.level("jobs"), w.level("urgent"))
	}
	if w.counted("webhook", "taken") != 3 || w.counted("webhook", "misunderstood") != 1 {
		t.Error("messages are counted wrongly")
	}
}

func TestAMessageThatConcernsNobodyIsIgnoredAndCounted(t *testing.T) {
	w := begin(t)
	w.webhook("jobs", map[string]string{"hook": "ci", "match": `body.kind == "job"`, "threshold": "1"})
	if code, _ := w.call("ci", `{"kind": "ping"}`); code != 200 || w.level("jobs") != "unknown" || w.counted("webhook", "ignored") != 1 {
		t.Errorf("%d, %s, %v", code, w.level("jobs"), w.counted("webhook", "ignored"))
	}
}

func TestADoorThatIsNotThereIs404AndMayBeThereSoon(t *testing.T) {
	w := begin(t)
	w.webhook("jobs", map[string]string{"hook": "ci", "threshold": "1"})
	if code, says := w.call("cd", `{}`); code != 404 || says != `no trigger of namespace shop listens to the hook "cd"` {
		t.Errorf("%d %s", code, says)
	}
	if code, says := w.put("jobs", `{"value": 1}`); code != 404 || !strings.Contains(says, `shop/checkout has no trigger of type push that is called "jobs"`) {
		t.Errorf("%d %s", code, says)
	}
	w.hub.Begin()
	w.pass(time.Hour)
	if code, _ := w.put("levels", `{"value": 1}`); code != 503 {
		t.Errorf("before the objects are known: %d", code)
	}
	w.hub.Known()
	if code, _ := w.put("levels", `{"value": 1}`); code != 503 {
		t.Errorf("while triggers are being opened: %d", code)
	}
	w.pass(settling)
	w.hub.Known() // They are listed again, after a watch that broke off.
	if code, _ := w.put("levels", `{"value": 1}`); code != 404 {
		t.Errorf("after that: %d", code)
	}
}

func TestADoorIsShutWithItsTrigger(t *testing.T) {
	w := begin(t)
	metadata := map[string]string{"hook": "ci", "threshold": "1"}
	shut := w.open(webhook.Kind(), "jobs", metadata, triggers.Env{})
	replaced := w.open(webhook.Kind(), "jobs", metadata, triggers.Env{}) // The old one ends after the new one has begun.
	shut()
	if code, _ := w.call("ci", `{}`); code != 200 {
		t.Errorf("the new trigger hears nothing: %d", code)
	}
	replaced()
	if code, _ := w.call("ci", `{}`); code != 404 || len(w.hub.open)+len(w.hub.hooks) != 0 {
		t.Errorf("%d, and %d doors are open", code, len(w.hub.open)+len(w.hub.hooks))
	}
}

func TestAStrangerIsHeardByThoseWhoVerifySignatures(t *testing.T) {
	w := begin(t)
	w.webhook("open", map[string]string{"hook": "ci", "threshold": "1"})
	call := func(hook string) int {
		code, _ := w.deliver(w.hub.Webhook(t.Context(), "shop", hook, w.message(`{}`), true))
		return code
	}
	if call("ci") != 401 || call("nothing") != 401 || w.level("open") != "unknown" {
		t.Errorf("%d, %d, %s", call("ci"), call("nothing"), w.level("open"))
	}
	secret := func(context.Context, string) (string, error) { return "secret", nil }
	w.open(webhook.Kind(), "signed", map[string]string{"hook": "ci", "threshold": "1"}, triggers.Env{Credentials: "x", Secret: secret})
	if call("ci") != 401 || w.counted("webhook", "unverified") != 1 {
		t.Errorf("without a signature: %d", call("ci"))
	}
	const signature = "sha256=a0d72c41c2a1fd40a1b9d2a7ce3cc9d5ee13f1d0ab7ea3a1d4fb3fd3c6ff0e0f"
	if code, _ := w.deliver(w.hub.Webhook(t.Context(), "shop", "ci", w.message(`{}`, "X-Hub-Signature-256", signature), true)); code != 401 {
		t.Errorf("with a wrong one: %d", code)
	}
	if w.level("open") != "unknown" {
		t.Error("an unsigned trigger heard of a stranger")
	}
}

func TestTriggersDoNotSeeCredentials(t *testing.T) {
	w := begin(t)
	w.webhook("jobs", map[string]string{"hook": "ci", "match": `!("authorization" in headers || "cookie" in headers) && headers["x-a"] == "b"`, "threshold": "1"})
	m := w.message(`{}`, "Authorization", "Bearer secret", "Cookie", "a=b", "X-A", "b")
	if code, _ := w.deliver(w.hub.Webhook(t.Context(), "shop", "ci", m, false)); code != 200 || w.level("jobs") != "1" {
		t.Errorf("%d, %s", code, w.level("jobs"))
	}
}

func TestAPushedLevelStandsForItsTTLAndOutlivesTheProcess(t *testing.T) {
	w := begin(t)
	w.push("jobs", map[string]string{"threshold": "1", "ttl": "10m"})
	if code, says := w.put("jobs", `{"value": 42}`); code != 200 || w.level("jobs") != "42" {
		t.Errorf("%d %s: %s", code, says, w.level("jobs"))
	}
	w.stop()
	w.pass(time.Minute)
	w.start()
	w.push("jobs", map[string]string{"threshold": "1", "ttl": "10m"})
	if got := w.level("jobs"); got != "42" {
		t.Errorf("after a restart: %s", got)
	}
	if code, says := w.put("jobs", `{"valeu": 1}`); code != 400 || !strings.Contains(says, "did you mean") || w.level("jobs") != "42" {
		t.Errorf("%d %s: %s", code, says, w.level("jobs"))
	}
	if code, says := w.put("jobs", `{"value": 1, "value": 2}`); code != 400 || !strings.Contains(says, "twice") {
		t.Errorf("%d %s", code, says)
	}
}

func TestARepeatCountsOnceAndAnOlderEventNotAtAll(t *testing.T) {
	w := begin(t)
	w.push("jobs", map[string]string{"threshold": "1"})
	event := func(id, at, value string) {
		t.Helper()
		headers := []string{"ce-specversion", "1.0", "ce-id", id, "ce-source", "/a", "ce-type", "level"}
		if at != "" {
			headers = append(headers, "ce-time", at)
		}
		if code, says := w.put("jobs", `{"value": `+value+`}`, headers...); code != 200 {
			t.Errorf("%d %s", code, says)
		}
		w.pass(time.Second)
	}
	event("1", "", "5")
	event("2", "", "7")
	event("1", "", "5")
	if w.level("jobs") != "7" {
		t.Errorf("a repeat counts: %s", w.level("jobs"))
	}
	event("3", w.now().Add(-time.Hour).Format(time.RFC3339), "9")
	if w.level("jobs") != "7" {
		t.Errorf("an old event counts: %s", w.level("jobs"))
	}
	event("4", "2099-01-01T00:00:00Z", "9")
	event("5", "", "3")
	if w.level("jobs") != "3" {
		t.Errorf("an event from the future keeps out later ones: %s", w.level("jobs"))
	}
	w.fails = errors.New("the API server is away")
	if code, _ := w.put("jobs", `{"value": 8}`, "ce-specversion", "1.0", "ce-id", "6", "ce-source", "/a", "ce-type", "level"); code != 503 {
		t.Errorf("not recorded, and answered with %d", code)
	}
	w.fails = nil
	event("6", "", "8")
	if w.level("jobs") != "8" {
		t.Errorf("what was not recorded is taken for a repeat: %s", w.level("jobs"))
	}
}

func TestNobodyIsAnsweredWhileATriggerCannotSay(t *testing.T) {
	w := begin(t)
	w.webhook("jobs", map[string]string{"hook": "ci", "threshold": "1"})
	away := func(context.Context, string) (string, error) { return "", errors.New("the Secret is away") }
	w.open(webhook.Kind(), "signed", map[string]string{"hook": "ci", "threshold": "1"}, triggers.Env{Credentials: "x", Secret: away})
	if code, says := w.call("ci", `{}`); code != 503 || !strings.Contains(says, "trigger signed: unavailable: read hmacSecret: the Secret is away") || w.level("jobs") != "unknown" {
		t.Errorf("%d %s, %s", code, says, w.level("jobs"))
	}
}

func TestWhatComesOverNATSIsRecordedAndCounted(t *testing.T) {
	w := begin(t)
	w.push("jobs", map[string]string{"threshold": "1"})
	door := triggers.Endpoint{Namespace: "shop", Object: "checkout", Trigger: "jobs"}
	if !w.hub.Record(t.Context(), door, w.now(), []triggers.Level{{Value: 4000, On: true}}) || w.level("jobs") != "4" {
		t.Errorf("it is not recorded, or the level is %s", w.level("jobs"))
	}
	w.hub.Reject(door, errors.New("no JSON"))
	w.fails = errors.New("the API server is away")
	if w.hub.Record(t.Context(), door, w.now(), []triggers.Level{{Value: 5000, On: true}}) {
		t.Error("it says that it is recorded")
	}
	if w.counted("nats", "taken") != 1 || w.counted("nats", "misunderstood") != 1 || w.counted("nats", "unavailable") != 1 {
		t.Error("messages are counted wrongly")
	}
}

func TestTheMessagesThatAreRememberedAreBounded(t *testing.T) {
	w := begin(t)
	door := triggers.Endpoint{Namespace: "shop", Object: "checkout", Trigger: "jobs"}
	for i := range 3 * maxRemembered {
		l := triggers.Level{Value: 1000, On: true, ID: strings.Repeat("x", i+1)}
		if !w.hub.Record(t.Context(), door, w.now(), []triggers.Level{l}) {
			t.Fatal("it is not recorded")
		}
	}
	repeats, ok := w.hub.recorder.(*Repeats)
	if !ok {
		t.Fatal("there is no memory of messages")
	}
	for _, ids := range repeats.recorded {
		if len(ids) != maxRemembered {
			t.Errorf("%d are remembered", len(ids))
		}
	}
}
