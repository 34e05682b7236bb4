package accessreview

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
)

const (
	// requestTimeout bounds one review.
	requestTimeout = time.Second
	// The rate of all reviews together, in reviews a second, and its burst: everybody who reaches the port can cause a review.
	reviewRate, reviewBurst = 10, 40
	// remembered is how long an allowed review stays valid, and maxRemembered bounds those that are kept.
	remembered    = 10 * time.Second
	maxRemembered = 1000
)

// reviews is the path of SelfSubjectAccessReviews.
const reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

// Reviewer asks the API server. It needs no permission: each review is a request with the reviewed token and without any other credential. It is
// safe for concurrent use.
type Reviewer struct {
	client rest.Interface
	now    func() time.Time
	rate   *rate.Limiter

	mu      sync.Mutex
	allowed map[key]time.Time
}

// key is a reviewed token with a namespace. It does not contain the token.
type key [sha256.Size]byte

// access is a SelfSubjectAccessReview.
type access struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		ResourceAttributes attributes `json:"resourceAttributes"`
	} `json:"spec"`
	Status struct {
		Allowed bool `json:"allowed"`
	} `json:"status,omitzero"`
}

type attributes struct {
	Verb      string `json:"verb"`
	Group     string `json:"group"`
	Resource  string `json:"resource"`
	Namespace string `json:"namespace,omitempty"`
}

// New returns a Reviewer for the API server of a configuration, whose credentials it does not use. now is the clock of the process. It does no I/O.
func New(config *rest.Config, now func() time.Time) (*Reviewer, error) {
	config = rest.AnonymousClientConfig(config)
	config.Timeout = requestTimeout
	client, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	return &Reviewer{client: client, now: now, rate: rate.NewLimiter(reviewRate, reviewBurst), allowed: map[key]time.Time{}}, nil
}

// MayList returns nil if the bearer of a token may list the ScaledObjects of a namespace; "" means all namespaces. The error is an *auth.Error,
// auth.ErrRateLimited, or the reason for which the API server has not answered.
func (r *Reviewer) MayList(ctx context.Context, token, namespace string) error {
	of, now := key(sha256.Sum256([]byte(namespace+" "+token))), r.now()
	if r.remembers(of, now) {
		return nil
	}
	if !r.rate.AllowN(now, 1) {
		return auth.ErrRateLimited
	}
	if err := r.review(ctx, token, namespace); err != nil {
		return err
	}
	r.remember(of, now)
	return nil
}

// review sends one review.
func (r *Reviewer) review(ctx context.Context, token, namespace string) error {
	question := access{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"}
	question.Spec.ResourceAttributes = attributes{Verb: "list", Group: v1alpha1.GroupName, Resource: "scaledobjects", Namespace: namespace}
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode an access review: %w", err)
	}
	raw, err := r.client.Post().AbsPath(reviews).SetHeader("Authorization", "Bearer "+token).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Raw()
	switch {
	case apierrors.IsUnauthorized(err):
		return &auth.Error{Kind: auth.ErrUnauthenticated, Reason: "the API server does not accept the token"}
	case apierrors.IsForbidden(err):
		return &auth.Error{Kind: auth.ErrForbidden, Reason: "the bearer of the token may not ask the API server for its permissions"}
	case err != nil:
		return fmt.Errorf("ask the API server about a token: %w", err)
	}
	var answer access
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("decode the API server's answer about a token: %w", err)
	}
	if !answer.Status.Allowed {
		where := "all namespaces"
		if namespace != "" {
			where = "namespace " + namespace
		}
		return &auth.Error{Kind: auth.ErrForbidden, Reason: "the bearer of the token may not list the ScaledObjects of " + where}
	}
	return nil
}

// remembers reports whether a review was allowed a short while ago.
func (r *Reviewer) remembers(of key, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.allowed[of]
	return ok && now.Sub(at) < remembered
}

// remember keeps an allowed review. If there are too many, it forgets all the others.
func (r *Reviewer) remember(of key, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.allowed) >= maxRemembered {
		clear(r.allowed)
	}
	r.allowed[of] = at
}
