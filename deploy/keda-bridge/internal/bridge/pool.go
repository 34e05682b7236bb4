package bridge

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/kedatypes"
)

const (
	// maxScalers bounds the scalers, and maxRunning the readings at a time, hung ones included.
	maxScalers = 10_000
	maxRunning = 1_000
	// maxUnused is the time after which an unused scaler is closed.
	maxUnused = 10 * time.Minute
)

// digest identifies what it is the SHA-256 of.
type digest [sha256.Size]byte

// pool has the scalers. Each belongs to one trigger with its metadata, and is replaced when the credentials change.
type pool struct {
	now func() time.Time

	mu      sync.Mutex
	slots   map[digest]*slot
	running int
	closed  bool
	ended   sync.WaitGroup
}

// slot is the place of one scaler. While it is busy, only the reading uses scaler.
type slot struct {
	busy   bool
	used   time.Time
	scaler *scaler
}

func newPool(now func() time.Time) *pool { return &pool{now: now, slots: map[digest]*slot{}} }

// read reads a trigger. It returns when ctx is done, although the scaler may continue; the trigger is not read again before that ends.
func (p *pool) read(ctx context.Context, r *bridgeapi.ReadRequest, construct kedatypes.Constructor) (*bridgeapi.ReadResponse, error) {
	key, credentials, err := identify(r)
	if err != nil {
		return nil, err
	}
	s, err := p.acquire(key)
	if err != nil {
		return nil, err
	}
	type outcome struct {
		answer *bridgeapi.ReadResponse
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		defer p.release(key, s) //nolint:contextcheck // A scaler is closed after the end of the reading.
		answer, err := s.read(ctx, r, credentials, construct)
		done <- outcome{answer, err}
	}()
	select {
	case o := <-done:
		return o.answer, o.err
	case <-ctx.Done():
		return nil, &codeError{codes.DeadlineExceeded, fmt.Errorf("wait for KEDA's scaler: %w", ctx.Err())}
	}
}

// identify returns the digests of a request without its credentials, and of its credentials.
func identify(r *bridgeapi.ReadRequest) (trigger, credentials digest, err error) {
	secret := &bridgeapi.ReadRequest{Environment: r.GetEnvironment(), Parameters: r.GetParameters(), PodIdentity: r.GetPodIdentity()}
	public, ok := proto.Clone(r).(*bridgeapi.ReadRequest)
	if !ok {
		return digest{}, digest{}, fmt.Errorf("clone a %T", r)
	}
	public.Environment, public.Parameters, public.PodIdentity = nil, nil, nil
	encode := proto.MarshalOptions{Deterministic: true}
	a, err := encode.Marshal(public)
	if err != nil {
		return digest{}, digest{}, fmt.Errorf("identify the trigger: %w", err)
	}
	b, err := encode.Marshal(secret)
	if err != nil {
		return digest{}, digest{}, fmt.Errorf("identify the credentials: %w", err)
	}
	return sha256.Sum256(a), sha256.Sum256(b), nil
}

// acquire returns the slot of a trigger for one reading.
func (p *pool) acquire(key digest) (*slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.slots[key]
	switch {
	case p.closed:
		return nil, busy("the KEDA bridge stops")
	case s != nil && s.busy:
		return nil, &codeError{codes.ResourceExhausted, errStillRunning}
	case p.running >= maxRunning:
		return nil, busy("the KEDA bridge runs %d readings already", maxRunning)
	case s == nil && len(p.slots) >= maxScalers:
		return nil, busy("the KEDA bridge has %d scalers already", maxScalers)
	case s == nil:
		s = &slot{}
		p.slots[key] = s
	}
	s.busy = true
	p.running++
	p.ended.Add(1)
	return s, nil
}

// release ends a reading.
func (p *pool) release(key digest, s *slot) {
	p.mu.Lock()
	s.busy, s.used = false, p.now()
	p.running--
	closed := p.closed
	if s.scaler == nil || closed {
		delete(p.slots, key)
	}
	p.mu.Unlock()
	if closed {
		s.close()
	}
	p.ended.Done()
}

// closeUnused closes the scalers that have not been used for maxUnused.
func (p *pool) closeUnused() {
	before := p.now().Add(-maxUnused)
	for _, s := range p.remove(func(s *slot) bool { return s.used.Before(before) }) {
		s.close()
	}
}

// remove removes and returns the slots without a reading for which a function returns true.
func (p *pool) remove(unwanted func(*slot) bool) []*slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	var removed []*slot
	for key, s := range p.slots {
		if !s.busy && unwanted(s) {
			delete(p.slots, key)
			removed = append(removed, s)
		}
	}
	return removed
}

// close closes all scalers. Readings that have not ended by themselves close theirs when they do.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for _, s := range p.remove(func(*slot) bool { return true }) {
		s.close()
	}
}
