package auth

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// The rate of requests without a credential to one namespace, in requests a second, and its burst.
	anonymousRate  = 200
	anonymousBurst = 1000
	// maxNamespaces limits the namespaces with a limiter, as an anonymous sender can invent namespaces.
	maxNamespaces = 1024
)

// AnonymousRates limits the requests without a credential, for each namespace by itself. It is safe for concurrent use.
type AnonymousRates struct {
	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

// NewAnonymousRates returns rates with full bursts.
func NewAnonymousRates() *AnonymousRates {
	return &AnonymousRates{limiters: map[string]*rate.Limiter{}}
}

// Allow counts one request to a namespace, and reports false when its rate is exceeded.
func (a *AnonymousRates) Allow(namespace string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	limiter := a.limiters[namespace]
	if limiter == nil {
		if len(a.limiters) >= maxNamespaces && !a.sweep(now) {
			return false
		}
		limiter = rate.NewLimiter(anonymousRate, anonymousBurst)
		a.limiters[namespace] = limiter
	}
	return limiter.AllowN(now, 1)
}

// sweep removes the limiters with a full burst, and reports whether there were any. The caller holds mu.
func (a *AnonymousRates) sweep(now time.Time) bool {
	before := len(a.limiters)
	for namespace, limiter := range a.limiters {
		if limiter.TokensAt(now) >= anonymousBurst {
			delete(a.limiters, namespace)
		}
	}
	return len(a.limiters) < before
}
