package forward

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestOpen(t *testing.T) {
	t.Run("an answer can be read as it arrives", testAnswerCanBeReadAsItArrives)
}

func testAnswerCanBeReadAsItArrives(t *testing.T) {
	c := newCluster(t)
	leader := c.replica()
	next := make(chan string, 1)
	leader.answer = func(w http.ResponseWriter) {
		for part := range next {
			_, _ = io.WriteString(w, part)
			_ = http.NewResponseController(w).Flush()
		}
	}
	next <- "0"
	client := c.clientOf(leader.Identity())
	var body io.ReadCloser
	testkit.Eventually(t, "the leader answers", func(context.Context) bool {
		response, err := client.Open(t.Context(), Message{Method: http.MethodGet, URI: "/v1/scaledobjects/stream"}) //nolint:contextcheck // It outlives the condition.
		if err != nil {
			return false
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		body = response.Body
		return true
	})
	for i := range 3 {
		part := make([]byte, 8)
		n, err := body.Read(part)
		if want := strconv.Itoa(i); err != nil || string(part[:n]) != want {
			t.Fatalf("got %q, %v, want %s while the answer goes on", part[:n], err, want)
		}
		next <- strconv.Itoa(i + 1)
	}
	close(next)
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "3" {
		t.Errorf("got %q, %v at the end, want 3", rest, err)
	}
}
