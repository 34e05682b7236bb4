package natsconn

import (
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

func TestClient(t *testing.T) {
	t.Run("a digest distinguishes credentials", testDigestDistinguishesCredentials)
	t.Run("empty options have no login", testEmptyOptionsHaveNoLogin)
	t.Run("the next attempt waits longer, up to a bound", testNextAttemptWaitsLongerUpToBound)
}

func testDigestDistinguishesCredentials(t *testing.T) {
	seen := map[string]Credentials{}
	for _, c := range []Credentials{
		{},
		{username: "ab"},
		{password: "ab"},
		{username: "a", password: "b"},
		{token: "ab"},
		{nkey: "ab"},
		{creds: "ab"},
		{ca: "ab"},
		{cert: "ab"},
		{key: "ab"},
		{username: "1:a"},
		{username: "", password: "1:a"},
	} {
		if other, taken := seen[c.Digest()]; taken {
			t.Errorf("%+v and %+v are the same", c, other)
		}
		seen[c.Digest()] = c
	}
}

func testEmptyOptionsHaveNoLogin(t *testing.T) {
	options, err := Credentials{}.Options(false)
	if err != nil {
		t.Fatal(err)
	}
	var o natsgo.Options
	for _, option := range options {
		if err := option(&o); err != nil {
			t.Fatal(err)
		}
	}
	if o.Secure || o.User != "" || o.Token != "" || o.Nkey != "" || o.TLSConfig == nil || o.TLSConfig.InsecureSkipVerify {
		t.Errorf("the options are %+v", o)
	}
}

func testNextAttemptWaitsLongerUpToBound(t *testing.T) {
	var last time.Duration
	for attempt := 1; attempt < 100; attempt++ {
		d := Backoff(attempt)
		if d <= 0 || d > 5*time.Second || attempt <= 4 && d < last {
			t.Errorf("attempt %d waits %s after %s", attempt, d, last)
		}
		last = d
	}
}
