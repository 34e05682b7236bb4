package forward

import (
	"context"
	"fmt"
	"io"
	"net/http"
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
	var response *http.Response
	testkit.Eventually(t, "the leader answers", func(context.Context) (ok bool) {
		var err error
		response, err = client.Open(t.Context(), Message{Method: http.MethodGet, URI: "/v1/scaledobjects/stream"})
		return err == nil
	})
	defer response.Body.Close()
	for i := range 3 {
		part := make([]byte, 8)
		n, err := response.Body.Read(part)
		if want := fmt.Sprint(i); err != nil || string(part[:n]) != want {
			t.Fatalf("got %q, %v, want %s while the answer goes on", part[:n], err, want)
		}
		next <- fmt.Sprint(i + 1)
	}
	close(next)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "3" {
		t.Errorf("got %q, %v at the end, want 3", rest, err)
	}
}
