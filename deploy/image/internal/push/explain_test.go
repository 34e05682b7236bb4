package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// What real registries answer is tested with the command push. These are answers that it cannot wait for.
func TestExplain(t *testing.T) {
	tag, err := name.NewTag("ghcr.io/you/impulse:v1")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("says what to do", func(t *testing.T) {
		for want, err := range map[string]error{
			"is overloaded or down":    &transport.Error{StatusCode: http.StatusServiceUnavailable},
			"try again later":          &transport.Error{StatusCode: http.StatusTooManyRequests},
			"unexpected status code 4": &transport.Error{StatusCode: http.StatusTeapot},
			"did not answer":           fmt.Errorf("ask: %w", context.DeadlineExceeded),
			"something else":           errors.New("something else"),
		} {
			got := explain(err, tag).Error()
			if !strings.HasPrefix(got, "push to ghcr.io: ") || !strings.Contains(got, want) {
				t.Errorf("got %q, want it to contain %q", got, want)
			}
		}
	})
	t.Run("keeps the error", func(t *testing.T) {
		if err := explain(context.Canceled, tag); !errors.Is(err, context.Canceled) || explain(nil, tag) != nil {
			t.Errorf("got %v", err)
		}
	})
}
