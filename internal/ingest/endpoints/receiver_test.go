package endpoints

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
	"github.com/impulse-sh/impulse/triggers/webhook"
)

func TestMessages(t *testing.T) {
	t.Run("a message reaches every trigger of its endpoint", testMessageReachesEveryTriggerOfItsEndpoint)
	t.Run("a message without a trigger is ignored and counted", testMessageWithoutTriggerIsIgnoredAndCounted)
	t.Run("an endpoint that does not exist is 404, and 503 while it may still be opened", testEndpointThatDoesNotExistIs404And503WhileItMayStillBeOpened)
	t.Run("an endpoint is closed with its trigger", testEndpointIsClosedWithItsTrigger)
	t.Run("an anonymous message reaches only triggers that verify signatures", testAnonymousMessageReachesOnlyTriggersThatVerifySignatures)
	t.Run("triggers do not get credentials", testTriggersDoNotGetCredentials)
	t.Run("a pushed level stands for its ttl and survives the process", testPushedLevelStandsForItsTTLAndSurvivesProcess)
	t.Run("a repeat counts once, an older event not at all", testRepeatCountsOnceOlderEventNotAtAll)
	t.Run("a message is not acknowledged while a trigger cannot evaluate it", testMessageIsNotAcknowledgedWhileTriggerCannotEvaluateIt)
	t.Run("messages over NATS are recorded and counted", testMessagesOverNATSAreRecordedAndCounted)
	t.Run("the number of remembered messages is bounded", testNumberOfRememberedMessagesIsBounded)
}

func testMessageReachesEveryTriggerOfItsEndpoint(t *testing.T) {
	e := begin(t)
	e.webhook("jobs", map[string]string{"hook": "ci", "value": "body.jobs", "threshold": "1"})
	e.webhook("urgent", map[string]string{"hook": "ci", "match": "body.urgent", "value": "body.jobs", "threshold": "1"})
	if code, text := e.postHook("ci", `{"jobs": 3, "urgent": false}`); code != 200 || e.level("jobs") != "3" || e.level("urgent") != "unknown" {
		t.Errorf("got %d %s: %s, %s; want 200, \"3\", \"unknown\"", code, text, e.level("jobs"), e.level("urgent"))
	}
	if code, _ := e.postHook("ci", `{"jobs": 5, "urgent": true}`); code != 200 || e.level("jobs") != "5" || e.level("urgent") != "5" {
		t.Errorf("got %d: %s, %s; want 200, \"5\", \"5\"", code, e.level("jobs"), e.level("urgent"))
	}
	// One does not understand it: the other does, and that is an answer of 200.
	if code, _ := e.postHook("ci", `{"jobs": 7}`); code != 200 || e.level("jobs") != "7" || e.level("urgent") != "5" {
		t.Errorf("got %d: %s, %s; want 200, \"7\", \"5\"", code, e.level("jobs"), e.level("urgent"))
	}
	code, text := e.postHook("ci", `{"urgent": true}`)
	if code != 400 || !strings.Contains(text, "shop/checkout, trigger jobs: value: no such key: jobs; shop/checkout, trigger urgent: value: ") {
		t.Errorf("%d %s", code, text)
	}
	if e.level("jobs") != "7" || e.level("urgent") != "5" {
		t.Errorf("an invalid message changed %s, %s; want \"7\", \"5\"", e.level("jobs"), e.level("urgent"))
	}
	if e.counted("webhook", recorded) != 3 || e.counted("webhook", invalid) != 1 {
		t.Error("the counters of messages are wrong")
	}
}

func testMessageWithoutTriggerIsIgnoredAndCounted(t *testing.T) {
	e := begin(t)
	e.webhook("jobs", map[string]string{"hook": "ci", "match": `body.kind == "job"`, "threshold": "1"})
	if code, _ := e.postHook("ci", `{"kind": "ping"}`); code != 200 || e.level("jobs") != "unknown" || e.counted("webhook", "ignored") != 1 {
		t.Errorf("got %d, %s, %v; want 200, \"unknown\", 1", code, e.level("jobs"), e.counted("webhook", "ignored"))
	}
}

func testEndpointThatDoesNotExistIs404And503WhileItMayStillBeOpened(t *testing.T) {
	e := begin(t)
	e.webhook("jobs", map[string]string{"hook": "ci", "threshold": "1"})
	if code, text := e.postHook("cd", `{}`); code != 404 || text != `no trigger of namespace shop listens to the hook "cd"` {
		t.Errorf("%d %s", code, text)
	}
	if code, text := e.postLevel("jobs", `{"value": 1}`); code != 404 || !strings.Contains(text, `shop/checkout has no trigger of type push that is called "jobs"`) {
		t.Errorf("%d %s", code, text)
	}
	q := e.request("shop", `{"value": 1}`)
	q.Param = func(name string) string { return map[string]string{"object": "chekcout", "trigger": "jobs"}[name] }
	if code, text := e.answer(e.receiver.ReceiveLevel(t.Context(), q)); code != 404 || text != "no ScaledObject shop/chekcout has a trigger of type push" {
		t.Errorf("another object: %d %s", code, text)
	}
	e.receiver.Reset()
	e.pass(time.Hour)
	if code, _ := e.postLevel("levels", `{"value": 1}`); code != 503 {
		t.Errorf("before the objects are known: %d; want 503", code)
	}
	e.receiver.ObjectsListed()
	if code, _ := e.postLevel("levels", `{"value": 1}`); code != 503 {
		t.Errorf("while triggers are being opened: %d; want 503", code)
	}
	e.pass(openingTime)
	e.receiver.ObjectsListed() // They are listed again, after a watch that broke off.
	if code, _ := e.postLevel("levels", `{"value": 1}`); code != 404 {
		t.Errorf("after that: %d; want 404", code)
	}
}

func testEndpointIsClosedWithItsTrigger(t *testing.T) {
	e := begin(t)
	metadata := map[string]string{"hook": "ci", "threshold": "1"}
	shut := e.open(webhook.Kind(), "jobs", metadata, triggers.Env{})
	replaced := e.open(webhook.Kind(), "jobs", metadata, triggers.Env{}) // The old one ends after the new one has begun.
	shut()
	if code, _ := e.postHook("ci", `{}`); code != 200 {
		t.Errorf("the new trigger receives nothing: %d; want 200", code)
	}
	replaced()
	if code, _ := e.postHook("ci", `{}`); code != 404 || len(e.receiver.triggers)+len(e.receiver.hooks) != 0 {
		t.Errorf("got %d, and %d endpoints are open; want 404, 0", code, len(e.receiver.triggers)+len(e.receiver.hooks))
	}
}

func testAnonymousMessageReachesOnlyTriggersThatVerifySignatures(t *testing.T) {
	e := begin(t)
	e.webhook("open", map[string]string{"hook": "ci", "threshold": "1"})
	anonymous := func(hook string, headers ...string) *Request {
		q := e.hookRequest("shop", hook, `{}`, headers...)
		q.Anonymous = true
		return q
	}
	call := func(hook string) int {
		code, _ := e.answer(e.receiver.ReceiveWebhook(t.Context(), anonymous(hook)))
		return code
	}
	if call("ci") != 401 || call("nothing") != 401 || e.level("open") != "unknown" {
		t.Errorf("got %d, %d, %s; want 401, 401, \"unknown\"", call("ci"), call("nothing"), e.level("open"))
	}
	secret := func(context.Context, string) (string, error) { return "secret", nil }
	e.open(webhook.Kind(), "signed", map[string]string{"hook": "ci", "threshold": "1"}, triggers.Env{Credentials: "x", Secrets: triggertest.SecretsFunc(secret)})
	if call("ci") != 401 || e.counted("webhook", "unverified") != 1 {
		t.Errorf("without a signature: %d; want 401, 1", call("ci"))
	}
	const signature = "sha256=a0d72c41c2a1fd40a1b9d2a7ce3cc9d5ee13f1d0ab7ea3a1d4fb3fd3c6ff0e0f"
	if code, _ := e.answer(e.receiver.ReceiveWebhook(t.Context(), anonymous("ci", "X-Hub-Signature-256", signature))); code != 401 {
		t.Errorf("with a wrong one: %d; want 401", code)
	}
	if e.level("open") != "unknown" {
		t.Error("an unsigned trigger received an anonymous message")
	}
}

func testTriggersDoNotGetCredentials(t *testing.T) {
	e := begin(t)
	e.webhook("jobs", map[string]string{"hook": "ci", "match": `!("authorization" in headers || "cookie" in headers) && headers["x-a"] == "b"`, "threshold": "1"})
	m := e.hookRequest("shop", "ci", `{}`, "Authorization", "Bearer secret", "Cookie", "a=b", "X-A", "b")
	if code, _ := e.answer(e.receiver.ReceiveWebhook(t.Context(), m)); code != 200 || e.level("jobs") != "1" {
		t.Errorf("got %d, %s; want 200, \"1\"", code, e.level("jobs"))
	}
}

func testPushedLevelStandsForItsTTLAndSurvivesProcess(t *testing.T) {
	e := begin(t)
	e.push("jobs", map[string]string{"threshold": "1", "ttl": "10m"})
	if code, text := e.postLevel("jobs", `{"value": 42}`); code != 200 || e.level("jobs") != "42" {
		t.Errorf("got %d %s: %s; want 200, \"42\"", code, text, e.level("jobs"))
	}
	e.stop()
	e.pass(time.Minute)
	e.start()
	e.push("jobs", map[string]string{"threshold": "1", "ttl": "10m"})
	if got := e.level("jobs"); got != "42" {
		t.Errorf("after a restart: %s; want \"42\"", got)
	}
	if code, text := e.postLevel("jobs", `{"valeu": 1}`); code != 400 || !strings.Contains(text, "did you mean") || e.level("jobs") != "42" {
		t.Errorf("got %d %s: %s; want 400, text with did you mean, \"42\"", code, text, e.level("jobs"))
	}
	if code, text := e.postLevel("jobs", `{"value": 1, "value": 2}`); code != 400 || !strings.Contains(text, "twice") {
		t.Errorf("got %d %s; want 400, text with twice", code, text)
	}
}

func testRepeatCountsOnceOlderEventNotAtAll(t *testing.T) {
	e := begin(t)
	e.push("jobs", map[string]string{"threshold": "1"})
	event := func(id, at, value string) {
		t.Helper()
		headers := []string{"ce-specversion", "1.0", "ce-id", id, "ce-source", "/a", "ce-type", "level"}
		if at != "" {
			headers = append(headers, "ce-time", at)
		}
		if code, text := e.postLevel("jobs", `{"value": `+value+`}`, headers...); code != 200 {
			t.Errorf("got %d %s; want 200", code, text)
		}
		e.pass(time.Second)
	}
	event("1", "", "5")
	event("2", "", "7")
	event("1", "", "5")
	if e.level("jobs") != "7" {
		t.Errorf("a repeat counts: %s; want \"7\"", e.level("jobs"))
	}
	event("3", e.now().Add(-time.Hour).Format(time.RFC3339), "9")
	if e.level("jobs") != "7" {
		t.Errorf("an old event counts: %s; want \"7\"", e.level("jobs"))
	}
	event("4", "2099-01-01T00:00:00Z", "9")
	event("5", "", "3")
	if e.level("jobs") != "3" {
		t.Errorf("an event from the future keeps out later ones: %s; want \"3\"", e.level("jobs"))
	}
	e.fails = errors.New("the API server is away")
	if code, _ := e.postLevel("jobs", `{"value": 8}`, "ce-specversion", "1.0", "ce-id", "6", "ce-source", "/a", "ce-type", "level"); code != 503 {
		t.Errorf("not recorded, and answered with %d; want 503", code)
	}
	e.fails = nil
	event("6", "", "8")
	if e.level("jobs") != "8" {
		t.Errorf("what was not recorded counts as a repeat: %s; want \"8\"", e.level("jobs"))
	}
}

func testMessageIsNotAcknowledgedWhileTriggerCannotEvaluateIt(t *testing.T) {
	e := begin(t)
	e.webhook("jobs", map[string]string{"hook": "ci", "threshold": "1"})
	away := func(context.Context, string) (string, error) { return "", errors.New("the Secret is away") }
	e.open(webhook.Kind(), "signed", map[string]string{"hook": "ci", "threshold": "1"}, triggers.Env{Credentials: "x", Secrets: triggertest.SecretsFunc(away)})
	if code, text := e.postHook("ci", `{}`); code != 503 || !strings.Contains(text, "trigger signed: unavailable: read hmacSecret: the Secret is away") || e.level("jobs") != "unknown" {
		t.Errorf("got %d %s, %s; want 503, text with trigger signed: unavailable: read hmacSecret: the Secret is away, \"unknown\"", code, text, e.level("jobs"))
	}
}

func testMessagesOverNATSAreRecordedAndCounted(t *testing.T) {
	e := begin(t)
	e.push("jobs", map[string]string{"threshold": "1"})
	endpoint := triggers.Endpoint{Namespace: "shop", Object: "checkout", Trigger: "jobs"}
	if !e.receiver.Record(t.Context(), endpoint, triggers.Message{At: e.now()}, []triggers.Level{{Value: 4000, On: true}}) || e.level("jobs") != "4" {
		t.Errorf("the message is not recorded, or the level is %s, want 4", e.level("jobs"))
	}
	e.receiver.Reject(endpoint, errors.New("no JSON"))
	e.fails = errors.New("the API server is away")
	if e.receiver.Record(t.Context(), endpoint, triggers.Message{At: e.now()}, []triggers.Level{{Value: 5000, On: true}}) {
		t.Error("got true without a record, want false")
	}
	if e.counted("nats", recorded) != 1 || e.counted("nats", invalid) != 1 || e.counted("nats", "unavailable") != 1 {
		t.Error("the counters of messages are wrong")
	}
}

func testNumberOfRememberedMessagesIsBounded(t *testing.T) {
	e := begin(t)
	endpoint := triggers.Endpoint{Namespace: "shop", Object: "checkout", Trigger: "jobs"}
	for i := range 3 * maxIDs {
		l := triggers.Level{Value: 1000, On: true, ID: strings.Repeat("x", i+1)}
		if !e.receiver.Record(t.Context(), endpoint, triggers.Message{At: e.now()}, []triggers.Level{l}) {
			t.Fatal("the message is not recorded")
		}
	}
	for endpoint, ids := range e.receiver.recent.digests {
		if len(ids) != maxIDs {
			t.Errorf("%s: %d IDs are stored, want %d", endpoint, len(ids), maxIDs)
		}
	}
}
