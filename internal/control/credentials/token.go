package credentials

import (
	"context"
	"fmt"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// tokenLifetime is the lifetime that is asked for. The API server may choose another one.
	tokenLifetime = time.Hour
	// maxTokenAge bounds how long a token is used, since it becomes invalid when its service account is created anew.
	maxTokenAge = 10 * time.Minute
	// maxTokens bounds the tokens that are kept.
	maxTokens = 4096
)

// tokens issues tokens of service accounts, and uses each for ten minutes, or four fifths of its lifetime if that is shorter.
type tokens struct {
	core typedcorev1.CoreV1Interface

	mu   sync.Mutex
	kept map[account]*issued
}

// account is a service account, and whom the token is for.
type account struct{ namespace, name, audience string }

// issued is a token; mu is held while it is issued.
type issued struct {
	mu    sync.Mutex
	token string
	until time.Time
}

func newTokens(core typedcorev1.CoreV1Interface) *tokens {
	return &tokens{core: core, kept: map[account]*issued{}}
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
	seconds := int64(tokenLifetime.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if a.audience != "" {
		request.Spec.Audiences = []string{a.audience}
	}
	answer, err := t.core.ServiceAccounts(a.namespace).CreateToken(ctx, a.name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("issue a token of the service account %s/%s: %w", a.namespace, a.name, err)
	}
	kept.token, kept.until = answer.Status.Token, now.Add(min(answer.Status.ExpirationTimestamp.Sub(now)*4/5, maxTokenAge))
	return kept.token, nil
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
