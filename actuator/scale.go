package actuator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// requestTimeout bounds each read and write of a Scale, and of what is read to find it; the caller's context may be stricter.
const requestTimeout = 10 * time.Second

// Get reads the Scale of a target from the API server. To read it more than once, Follow is cheaper. Errors are those of Set.
func (c *Client) Get(ctx context.Context, t Target) (Scale, error) {
	return c.request(ctx, t, "read", nil, rest.WarningLogger{})
}

// Set writes n replicas to a target that is as in observed, and returns the Scale as stored. Errors wrap ErrConflict when the target's UID
// or count is no longer that of observed, ErrNotFound, ErrNoScale, ErrForbidden, ErrThrottled, or ErrDenied when admission refused the
// write. With ErrAltered admission changed the count, and the Scale is the one that was stored. Set does not try again.
func (c *Client) Set(ctx context.Context, t Target, observed Scale, n int32) (Scale, error) {
	if n < 0 {
		return Scale{}, fmt.Errorf("write the scale of %s: %d is not a count", t, n)
	}
	body, err := patch(observed, n)
	if err != nil {
		return Scale{}, fmt.Errorf("write the scale of %s: %w", t, err)
	}
	var warned warnings
	stored, err := c.request(ctx, t, "write", body, &warned)
	if err == nil && stored.Replicas != n {
		err = fmt.Errorf("write the scale of %s: %w from %d to %d%s", t, ErrAltered, n, stored.Replicas, &warned)
	}
	return stored, err
}

// warnings are those of one answer of the API server. They are logged as all warnings are; besides, they are the only part of an
// answer in which a webhook can explain why it changed the count.
type warnings []string

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(code int, agent, text string) {
	rest.WarningLogger{}.HandleWarningHeader(code, agent, text)
	if text != "" {
		*w = append(*w, text)
	}
}

// String returns the end of an error message, " (with the warning: …)", or "" without warnings.
func (w *warnings) String() string {
	if len(*w) == 0 {
		return ""
	}
	return " (with the warning: " + strings.Join(*w, "; ") + ")"
}

// request patches the Scale of a target with body, or reads it when there is none.
func (c *Client) request(ctx context.Context, t Target, verb string, body []byte, warned rest.WarningHandler) (Scale, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	name := kindName{t.APIVersion, t.Kind}
	gvr, err := c.kinds.find(ctx, name)
	if err != nil {
		return Scale{}, fmt.Errorf("%s the scale of %s: %w", verb, t, err)
	}
	req := c.rest.Get()
	if body != nil {
		req = c.rest.Patch(types.JSONPatchType).Body(body).Param("fieldManager", FieldManager)
		if c.options.DryRun {
			req.Param("dryRun", metav1.DryRunAll)
		}
	}
	var answer autoscalingv1.Scale
	err = req.AbsPath(groupPath(gvr.GroupVersion()), "namespaces", t.Namespace, gvr.Resource, t.Name, "scale").
		WarningHandler(warned).
		MaxRetries(0). // The caller decides what to write next, and when.
		Do(ctx).Into(&answer)
	if err != nil {
		err = writeError(err)
		if errors.Is(err, ErrNotFound) {
			c.kinds.forget(name) // The kind itself may be gone.
		}
		return Scale{}, fmt.Errorf("%s the scale of %s: %w", verb, t, err)
	}
	return Scale{
		UID:             answer.UID,
		Replicas:        answer.Spec.Replicas,
		ResourceVersion: answer.ResourceVersion,
		Selector:        answer.Status.Selector,
	}, nil
}

// operation is one step of a JSON Patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patch returns a JSON Patch that sets the count of a Scale if it still is the observed one. A Scale omits a count of 0: `test` compares
// an omitted field with null, and `add` replaces an existing one.
func patch(observed Scale, n int32) ([]byte, error) {
	var count any
	if observed.Replicas != 0 {
		count = observed.Replicas
	}
	if observed.UID == "" {
		return nil, fmt.Errorf("%w: it has not been observed", ErrConflict)
	}
	return json.Marshal([]operation{
		{Op: "test", Path: "/metadata/uid", Value: observed.UID},
		{Op: "test", Path: "/spec/replicas", Value: count},
		{Op: "add", Path: "/spec/replicas", Value: n},
	})
}
