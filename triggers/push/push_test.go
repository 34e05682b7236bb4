package push

import (
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestPush(t *testing.T) {
	t.Run("a level is unknown before the first push and after its ttl", testLevelIsUnknownBeforeFirstPushAndAfterItsTTL)
	t.Run("every mistake in a push is reported", testEveryMistakeInPushIsReported)
	t.Run("a CloudEvent has the time and the identifier", testCloudEventHasTimeAndIdentifier)
	t.Run("mistakes are reported", testMistakesAreReported)
	t.Run("a ttl counts from the publication of its level", testTTLCountsFromPublicationOfItsLevel)
}

func testLevelIsUnknownBeforeFirstPushAndAfterItsTTL(t *testing.T) {
	w := run(t, &triggertest.Endpoints{}, map[string]string{"threshold": "5", "ttl": "1m"})
	w.until("unknown: nothing has been pushed for 1m0s, its ttl")
	for body, want := range map[string]struct {
		value scalers.Milli
		ttl   time.Duration
	}{
		`{"value": 42}`:                    {42000, time.Minute},
		`{"value": "42.5", "ttl": "90s"}`:  {42500, 90 * time.Second},
		`{"value": 0}`:                     {0, time.Minute},
		`{"value": 0.0001}`:                {1, time.Minute},
		`{"value": 9007199254740993}`:      {9007199254740993000, time.Minute},
		`{"ttl": "1h", "value": 1.1}`:      {1100, time.Hour},
		`{"value": 123456789012345678901}`: {1<<63 - 1, time.Minute},
	} {
		levels, err := w.Send(t.Context(), triggertest.MessageOf(t, body))
		if err != nil || levels[0].Value != want.value || levels[0].TTL != want.ttl || !levels[0].On || levels[0].Key != "" {
			t.Errorf("%s: %+v, %v", body, levels, err)
		}
		w.until(want.value.String())
	}
	w.Expire("")
	w.until("unknown: nothing has been pushed for")
}

func testEveryMistakeInPushIsReported(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                           `"value" is missing: the level, a number`,
		`[]`:                           `expected a JSON object, such as {"value": 42, "ttl": "60s"}`,
		`42`:                           `expected a JSON object`,
		`{"valeu": 1}`:                 `"valeu" is not known (did you mean "value"?); "value" is missing`,
		`{"value": 1, "unit": "x"}`:    `"unit" is not known (known are value, ttl)`,
		`{"value": null}`:              `"value" is null, expected a number`,
		`{"value": true, "ttl": 5}`:    `"ttl" is a number, expected a duration, such as "60s"; "value" is a boolean`,
		`{"value": "many"}`:            `"value" "many" is not a number`,
		`{"value": "NaN"}`:             `"NaN" is not a finite number`,
		`{"value": -1}`:                `"value" is -1: a level is not below 0`,
		`{"value": 1, "ttl": "soon"}`:  `"ttl" is "soon", expected a duration above 0`,
		`{"value": 1, "ttl": "0s"}`:    `"ttl" is "0s", expected a duration above 0`,
		`{"value": 1, "ttl": "9999h"}`: `up to a year`,
	} {
		if _, err := (Config{}).decode(t.Context(), triggertest.MessageOf(t, body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q", body, err, want)
		}
	}
}

func testCloudEventHasTimeAndIdentifier(t *testing.T) {
	const structured = "application/cloudevents+json; charset=utf-8"
	at := time.Date(2026, 3, 2, 9, 0, 0, 5e8, time.UTC)
	for name, m := range map[string]triggers.Message{
		"structured": triggertest.MessageOf(t, `{"specversion":"1.0","id":"7","source":"/jobs","type":"level","time":"2026-03-02T10:00:00.5+01:00",
			"datacontenttype":"application/json","subject":"x","extension":1,"data":{"value":42,"ttl":"60s"}}`, "Content-Type", structured),
		"binary": triggertest.MessageOf(t, `{"value":42,"ttl":"60s"}`, "Content-Type", "application/json", "ce-specversion", "1.0", "ce-id", "7",
			"ce-source", "/jobs", "ce-type", "level", "ce-time", "2026-03-02T10:00:00.5+01:00"),
	} {
		l, err := levelOf(m)
		if err != nil || l.Value != 42000 || l.TTL != time.Minute || !l.At.Equal(at) || l.ID != "/jobs\x007" {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	for body, want := range map[string]string{
		`{"specversion":"1.0","id":"7","source":"/jobs","type":"level"}`:                                           "has no data",
		`{"specversion":"1.0","id":"7","source":"/jobs","type":"level","data_base64":"e30="}`:                      "data_base64",
		`{"specversion":"0.3","id":"","source":5,"data":{}}`:                                                       "id is missing; source is a number, expected text; type is missing; specversion is \"0.3\"",
		`{"specversion":"1.0","id":"7","source":"/jobs","type":"level","time":"now","data":{}}`:                    `time is "now", expected RFC 3339`,
		`{"specversion":"1.0","id":"7","source":"/jobs","type":"level","data":"42"}`:                               "expected a JSON object",
		`{"specversion":"1.0","id":"` + strings.Repeat("7", 2000) + `","source":"/jobs","type":"level","data":{}}`: "id is longer than 1024 bytes",
		`[]`: "a CloudEvent is a JSON object",
	} {
		if _, err := levelOf(triggertest.MessageOf(t, body, "Content-Type", structured)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200s: %v, expected %q", body, err, want)
		}
	}
	if _, err := levelOf(triggertest.MessageOf(t, `[]`, "Content-Type", "application/cloudevents-batch+json")); err == nil || !strings.Contains(err.Error(), "send single events") {
		t.Errorf("a batch: %v", err)
	}
	if _, err := levelOf(triggertest.MessageOf(t, `{"value":1}`, "ce-id", "7")); err == nil || !strings.Contains(err.Error(), "source is missing") {
		t.Errorf("half a binary event: %v", err)
	}
}

func testMistakesAreReported(t *testing.T) {
	for _, c := range []struct {
		metadata map[string]string
		want     string
	}{
		{map[string]string{}, "threshold: is required"},
		{map[string]string{"threshold": "0"}, "threshold: is 0"},
		{map[string]string{"threshold": "1", "subject": "a"}, "subject: needs natsURL"},
		{map[string]string{"threshold": "1", "natsURL": "http://a"}, "natsURL: is not a URL of a NATS server"},
		{map[string]string{"threshold": "1", "natsURL": "nats://me:secret@a", "subject": "x"}, "natsURL: contains credentials"},
		{map[string]string{"threshold": "1", "natsURL": "nats://a"}, "natsURL: needs a subject, or a stream and its consumer"},
		{map[string]string{"threshold": "1", "natsURL": "nats://a", "subject": "a", "stream": "B"}, "subject: has no effect with stream"},
		{map[string]string{"threshold": "1", "natsURL": "nats://a", "stream": "B"}, "consumer: is required with stream"},
		{map[string]string{"threshold": "1", "natsURL": "nats://a", "subject": "a", "consumer": "B"}, "consumer: needs stream"},
		{map[string]string{"threshold": "1", "natsURL": "nats://a", "subject": "a b"}, `subject: "a b" is not a subject`},
		{map[string]string{"threshold": "1", "natsURL": "nats://a", "subject": "a..b"}, `subject: "a..b" is not a subject`},
		{map[string]string{"threshold": "1", "natsURL": "nats://a", "stream": "a.b", "consumer": "c"}, `stream: "a.b" is not a valid name`},
	} {
		if _, err := Kind().Decode(c.metadata); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: got %v, want %q", c.metadata, err, c.want)
		}
	}
}

// FuzzLevel: any message gives a level that can be recorded, or an error of one line.
func FuzzLevel(f *testing.F) {
	f.Add([]byte(`{"value": 42, "ttl": "60s"}`), "application/json", "")
	f.Add([]byte(`{"specversion":"1.0","id":"7","source":"/jobs","type":"level","data":{"value":1}}`), "application/cloudevents+json", "")
	f.Add([]byte(`{"value": "1e9"}`), "", "1.0")
	f.Fuzz(func(t *testing.T, body []byte, media, version string) {
		m := triggers.Message{Header: map[string][]string{"Content-Type": {media}, "Ce-Specversion": {version}, "Ce-Id": {version}, "Ce-Source": {media}, "Ce-Type": {"x"}, "Ce-Time": {version}}}
		var err error
		if m.Body, err = triggers.DecodeJSON(body); err != nil {
			return
		}
		l, err := levelOf(m)
		if err == nil && (l.Value < 0 || l.TTL < 0 || !l.On || !l.At.IsZero() && l.At.Year() > 9999) {
			t.Errorf("%s: took %+v", body, l)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 2000) {
			t.Errorf("%s: the error is not one short line: %q", body, err)
		}
	})
}

func testTTLCountsFromPublicationOfItsLevel(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s := &natsSource{config: Config{TTL: time.Minute}, env: triggers.Env{Now: func() time.Time { return now }}}
	for age, want := range map[time.Duration]time.Duration{0: time.Minute, 20 * time.Second: 40 * time.Second, time.Hour: time.Millisecond, -time.Hour: time.Minute} {
		a := arrival{message: triggers.Message{Raw: []byte(`{"value": 3}`), At: now.Add(-age)}, id: "LEVELS\x007"}
		l, err := s.decode(t.Context(), &a)
		if err != nil || l.TTL != want || !l.At.Equal(now.Add(-age)) || l.ID != "LEVELS\x007" {
			t.Errorf("published %s ago: %+v, %v", age, l, err)
		}
	}
}
