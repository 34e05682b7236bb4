package credentials

import (
	"context"
	"fmt"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/typed"
)

const (
	// tokenLifetime is the lifetime that is asked for. The API server may choose another one.
	tokenLifetime = time.Hour
	// maxTokenAge bounds how long a token is used, since it becomes invalid when its service account is created anew.
	maxTokenAge = 10 * time.Minute
	// maxTokens bounds the tokens that are kept.
	maxTokens = 4096
)

// tokens issues tokens of service accounts, and uses each for ten minutes, or four fifths of its lifetime if that is shorter. It issues none
// of Impulse's own service account, with any audience: the author of an authentication or of a trigger chooses the server that receives it.
type tokens struct {
	core    *typed.Core
	reviews *typed.Reviews

	mu   sync.Mutex
	kept map[account]*issued
	// self is the name of the user that Impulse is to the API server; "" until that was asked.
	self string
}

// account is a service account, and whom the token is for.
type account struct{ namespace, name, audience string }

// issued is a token; mu is held while it is issued.
type issued struct {
	mu    sync.Mutex
	token string
	until time.Time
}

func newTokens(core *typed.Core, reviews *typed.Reviews) *tokens {
	return &tokens{core: core, reviews: reviews, kept: map[account]*issued{}}
}

// token returns a token of a service account in the namespace of the authentication's objects.
func (r *reading) token(from v1alpha1.ServiceAccountTokenRef) (string, bool, error) {
	token, err := r.k.all.tokens.get(r.ctx, account{r.k.objectNamespace, from.ServiceAccountName, from.Audience}, time.Now())
	return token, true, err
}

// get returns a token that is valid at now.
func (t *tokens) get(ctx context.Context, a account, now time.Time) (string, error) {
	kept := t.entry(a)
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if now.Before(kept.until) {
		return kept.token, nil
	}
	if err := t.refuseSelf(ctx, a); err != nil {
		return "", err
	}
	seconds := int64(tokenLifetime.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if a.audience != "" {
		request.Spec.Audiences = []string{a.audience}
	}
	answer, err := t.core.CreateToken(ctx, a.namespace, a.name, request)
	if err != nil {
		return "", fmt.Errorf("issue a token of the service account %s/%s: %w", a.namespace, a.name, err)
	}
	kept.token, kept.until = answer.Status.Token, now.Add(min(answer.Status.ExpirationTimestamp.Sub(now)*4/5, maxTokenAge))
	return kept.token, nil
}

// refuseSelf returns an error if an account is Impulse's own one, or if that cannot be found out.
func (t *tokens) refuseSelf(ctx context.Context, a account) error {
	self, err := t.user(ctx)
	if err != nil {
		return err
	}
	if self == "system:serviceaccount:"+a.namespace+":"+a.name {
		return fmt.Errorf("%s/%s is the service account of Impulse itself, whose tokens are sent to no other server; name another service account",
			a.namespace, a.name)
	}
	return nil
}

// user returns the name of the user that Impulse is to the API server. It never changes.
func (t *tokens) user(ctx context.Context) (string, error) {
	t.mu.Lock()
	self := t.self
	t.mu.Unlock()
	if self != "" {
		return self, nil
	}
	review, err := t.reviews.Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("ask the API server for the name of Impulse's own account, whose tokens must not be issued: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.self = review.Status.UserInfo.Username
	return t.self, nil
}

// entry returns the entry of an account. If there are too many, all are dropped, and issued again when they are needed.
func (t *tokens) entry(a account) *issued {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept[a] == nil {
		if len(t.kept) >= maxTokens {
			t.kept = map[account]*issued{}
		}
		t.kept[a] = &issued{}
	}
	return t.kept[a]
}
