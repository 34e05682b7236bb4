package webhook

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestSNS(t *testing.T) {
	t.Run("a message without a valid SNS signature is refused", testMessageWithoutValidSNSSignatureIsRefused)
	t.Run("an older notification changes nothing", testOlderNotificationChangesNothing)
	t.Run("a message that is not JSON is text", testMessageThatIsNotJSONIsText)
	t.Run("a failed download of the certificate is retried", testFailedDownloadOfCertificateIsRetried)
}

func snsMetadata() map[string]string {
	return map[string]string{"hook": "sns", "format": "sns", "topicARN": theTopic, "value": "body.n", "threshold": "1"}
}

func testMessageWithoutValidSNSSignatureIsRefused(t *testing.T) {
	a := newFakeSNS(t)
	w := run(t, snsMetadata(), triggers.Env{HTTP: a.client()})
	valid := a.envelope("2", `{"n":3}`, a.now)
	other := valid
	other.TopicArn = "arn:aws:sns:eu-central-1:999999999999:alarms"
	old, ahead, elsewhere, signedBySHA1 := valid, valid, valid, valid
	old.SignedTimestamp = time.Now().Add(-2 * time.Hour).UTC().Format(time.RFC3339)
	ahead.SignedTimestamp = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	elsewhere.SigningCertURL = "https://sns.eu-central-1.amazonaws.com.evil.example/" + thePath
	signedBySHA1.SignatureVersion = "1"
	strange := valid
	strange.Type, strange.SubscribeURL, strange.Token = "SubscriptionConfirmation", "https://evil.example/?Action=ConfirmSubscription", "x"
	for name, body := range map[string]string{
		"another message":               a.post(valid, func(e *envelope) { e.Message = `{"n":9}` }),
		"another time":                  a.post(valid, func(e *envelope) { e.SignedTimestamp = time.Now().UTC().Format(time.RFC3339) }),
		"another id":                    a.post(valid, func(e *envelope) { e.MessageID = "other" }),
		"no signature":                  a.post(valid, func(e *envelope) { e.Signature = "" }),
		"no base64":                     a.post(valid, func(e *envelope) { e.Signature = "!" }),
		"another version":               a.post(valid, func(e *envelope) { e.SignatureVersion = "3" }),
		"version 1 named, signed as 2":  a.post(valid, func(e *envelope) { e.SignatureVersion = "1" }),
		"another topic":                 a.post(other, nil),
		"a replay":                      a.post(old, nil),
		"the future":                    a.post(ahead, nil),
		"a certificate of another host": a.post(elsewhere, nil),
		"plain http":                    a.post(valid, func(e *envelope) { e.SigningCertURL = "http://sns.eu-central-1.amazonaws.com/" + thePath }),
		"another region":                a.post(valid, func(e *envelope) { e.SigningCertURL = "https://sns.us-east-1.amazonaws.com/" + thePath }),
		"another port":                  a.post(valid, func(e *envelope) { e.SigningCertURL = "https://sns.eu-central-1.amazonaws.com:8443/" + thePath }),
		"a user":                        a.post(valid, func(e *envelope) { e.SigningCertURL = "https://me@sns.eu-central-1.amazonaws.com/" + thePath }),
		"another path":                  a.post(valid, func(e *envelope) { e.SigningCertURL = theHost + "?Action=Publish" }),
		"confirmed elsewhere":           a.post(strange, nil),
	} {
		if _, err := w.Send(t.Context(), triggertest.MessageOf(t, body)); !errors.Is(err, triggers.ErrUnverified) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(a.others) > 0 || a.confirmed > 0 || a.fetched > 1 {
		t.Errorf("requests went to other hosts %v; the certificate was fetched %d times, and the subscription confirmed %d times", a.others, a.fetched, a.confirmed)
	}
	w.refuse(`{"n":3}`, "not from the topic")
	w.refuse(`[1]`, "turn off raw message delivery")
	w.send(a.notification("2", `{"n":3}`, a.now), "3")
	w.send(a.post(signedBySHA1, nil), "3")
}

func testOlderNotificationChangesNothing(t *testing.T) {
	a := newFakeSNS(t)
	w := run(t, snsMetadata(), triggers.Env{HTTP: a.client()})
	w.send(a.notification("2", `{"n":7}`, a.now.Add(time.Second)), "7")
	w.send(a.notification("2", `{"n":3}`, a.now), "7")
	levels, err := w.Send(t.Context(), triggertest.MessageOf(t, a.notification("2", `{"n":8}`, a.now.Add(2*time.Second))))
	if err != nil || levels[0].ID == "" {
		t.Errorf("the message has no ID: %+v, %v", levels, err)
	}
}

func testMessageThatIsNotJSONIsText(t *testing.T) {
	a := newFakeSNS(t)
	metadata := snsMetadata()
	metadata["value"] = `body == "many" ? 9 : 1`
	w := run(t, metadata, triggers.Env{HTTP: a.client()})
	w.send(a.notification("2", "many", a.now), "9")
}

func testFailedDownloadOfCertificateIsRetried(t *testing.T) {
	a := newFakeSNS(t)
	a.down = true
	w := run(t, snsMetadata(), triggers.Env{HTTP: a.client()})
	if _, err := w.Send(t.Context(), triggertest.MessageOf(t, a.notification("2", `{"n":3}`, a.now))); !errors.Is(err, triggers.ErrUnavailable) {
		t.Error(err)
	}
	a.down = false
	w.send(a.notification("2", `{"n":3}`, a.now), "3")
	a.down = true
	if _, err := w.Send(t.Context(), triggertest.MessageOf(t, a.subscription("1"))); !errors.Is(err, triggers.ErrUnavailable) {
		t.Error(err)
	}
	e := a.envelope("2", `{"n":3}`, a.now)
	e.SigningCertURL = theHost + "SimpleNotificationService-ffffffffffffffff.pem"
	a.down = false
	if _, err := w.Send(t.Context(), triggertest.MessageOf(t, a.post(e, nil))); !errors.Is(err, triggers.ErrUnavailable) {
		t.Error(err)
	}
}

// FuzzEnvelope: no forged message of SNS is accepted, and none causes a request to another host.
func FuzzEnvelope(f *testing.F) {
	for _, e := range []envelope{
		{Type: "Notification", TopicArn: theTopic, SignedTimestamp: "2026-01-01T00:00:00Z", SigningCertURL: theHost + thePath, SignatureVersion: "2", Signature: "AAAA"},
		{Type: "SubscriptionConfirmation", TopicArn: theTopic, SubscribeURL: theSubscribe, SigningCertURL: "https://[::1]:80/%zz"},
	} {
		seed, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := &fakeSNS{t: t, cert: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}
		topic, err := newTopic(theTopic, a.client())
		if err != nil {
			t.Fatal(err)
		}
		n, err := topic.unwrap(t.Context(), triggers.Message{Raw: body, At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil || n != nil || len(a.others) > 0 || a.confirmed > 0 {
			t.Errorf("%s: %+v, %v, went to %v", body, n, err, a.others)
		}
	})
}
