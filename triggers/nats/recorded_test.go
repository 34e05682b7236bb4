package nats

import (
	"net/http"
	"os"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestRecorded(t *testing.T) {
	t.Run("an incomplete response is unknown", testIncompleteResponseIsUnknown)
	t.Run("an incomplete response of a follower is not used", testIncompleteResponseOfFollowerIsNotUsed)
}

// recorded returns an answer of a real nats-server.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	answer, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// readFrom reads a consumer from servers whose answer to /jsz depends on the host.
func readFrom(t *testing.T, jsz func(host string) []byte) (scalers.Milli, error) {
	t.Helper()
	env := environment(nil)
	env.HTTP = &http.Client{Transport: triggertest.Canned(func(r *http.Request) (int, []byte) {
		if r.URL.Path == "/varz" {
			return http.StatusOK, []byte(`{"connect_urls":["n1:4222","n2:4222","n3:4222"]}`)
		}
		return http.StatusOK, jsz(r.URL.Hostname())
	})}
	b, err := newReader(monitored("nats:8222"), env).Read(t.Context())
	return b.level, err
}

func testIncompleteResponseIsUnknown(t *testing.T) {
	for _, name := range []string{"jsz-alone", "jsz-leader"} {
		t.Run(name, func(t *testing.T) {
			triggertest.Incomplete(t, recorded(t, name), func(answer []byte) (scalers.Milli, error) {
				return readFrom(t, func(string) []byte { return answer })
			})
		})
	}
}

// A follower has other numbers than the leader, here fewer messages.
func testIncompleteResponseOfFollowerIsNotUsed(t *testing.T) {
	leader := recorded(t, "jsz-leader")
	triggertest.Incomplete(t, recorded(t, "jsz-follower"), func(answer []byte) (scalers.Milli, error) {
		return readFrom(t, func(host string) []byte {
			if host == "n2" {
				return leader
			}
			return answer
		})
	})
}
