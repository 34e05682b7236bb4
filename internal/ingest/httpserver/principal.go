package httpserver

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// placesPerCredential bounds the requests of one credential that are worked on at once, and placesPerNamespace those without
	// a credential to the webhooks of one namespace. Both count from when the body has arrived.
	placesPerCredential = 256
	placesPerNamespace  = 32
	// Requests a second without a credential to the webhooks of one namespace, and how many at once after a pause.
	strangersPerSecond = 200
	strangersBurst     = 1000
	// maxNamespaces bounds the namespaces whose rate is remembered: strangers can invent more.
	maxNamespaces = 1024
)

// stranger is the credential of a request that shows none while credentials are configured. No credential can have this name.
const stranger = "?"

// principal is what limits count by, so that nobody uses up what others need: a credential by its name, and a request without
// a name by the namespace that it is for.
type principal struct{ credential, namespace string }

// principalOf returns the principal of a request to a namespace, by the name of the credential that was shown.
func principalOf(credential, namespace string) principal {
	if credential == "" || credential == stranger {
		return principal{credential, namespace}
	}
	return principal{credential: credential}
}

// principal returns what the limits count a credential by. Tokens without a name count by the namespace that they open.
func (c *credential) principal() principal { return principalOf(c.name, c.namespaces[0]) }

func (p principal) isStranger() bool { return p.credential == stranger }

// places counts the requests that are worked on, by principal. It holds as many entries as there are such requests at most.
type places struct {
	mu    sync.Mutex
	taken map[principal]int
}

// take takes a place, and reports false when the principal has all of its own already.
func (p *places) take(who principal) bool {
	most := placesPerCredential
	if who.isStranger() {
		most = placesPerNamespace
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[who] >= most {
		return false
	}
	p.taken[who]++
	return true
}

// leave gives a place back.
func (p *places) leave(who principal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[who]--; p.taken[who] == 0 {
		delete(p.taken, who)
	}
}

// strangerRates bounds the rate of requests without a credential, for each namespace by itself.
type strangerRates struct {
	mu   sync.Mutex
	rate map[string]*rate.Limiter
}

// allow takes one request to a namespace off its rate, and reports false when that is used up.
func (s *strangerRates) allow(namespace string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	limiter := s.rate[namespace]
	if limiter == nil {
		if len(s.rate) >= maxNamespaces && !s.forget(now) {
			return false
		}
		limiter = rate.NewLimiter(strangersPerSecond, strangersBurst)
		s.rate[namespace] = limiter
	}
	return limiter.AllowN(now, 1)
}

// forget drops the namespaces whose limiter is as good as a new one, and reports whether there were any. The caller holds mu.
func (s *strangerRates) forget(now time.Time) bool {
	before := len(s.rate)
	for namespace, limiter := range s.rate {
		if limiter.TokensAt(now) >= strangersBurst {
			delete(s.rate, namespace)
		}
	}
	return len(s.rate) < before
}
