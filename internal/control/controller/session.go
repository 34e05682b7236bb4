package controller

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/credentials"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// maxReopen is the longest pause before a source that could not be opened is opened again. A change of what it lacks ends the pause.
	maxReopen = 10 * time.Second
	// maxUnread is how long the source waits for objects that have not been read yet until that is reported as an error.
	maxUnread = 5 * time.Second
)

// errSourceEnded is the error of a source that returned nil although its context was not done.
var errSourceEnded = errors.New("it ended by itself")

// session is the run of an authenticated source. It is an item of the queue, which a change of the credentials wakes. It has a goroutine
// only while the source that it has opened has one, and while credentials are requested from a server.
type session struct {
	*authenticated

	emit  func(scalers.Event)
	ended func(error)
	item  *workqueue.Item
	// credential reads what the source is opened with. closing ends that, and the wake when the context is done.
	credential *credentials.Credential
	closing    []func()
	// changed is set by each change of what credential has read.
	changed atomic.Bool

	// Only the item uses the fields below. source is nil while no source runs. reportUnread is when objects that have not been read yet are
	// reported; zero if there are none. ending is why the session ends, and over is true once it has.
	source       *openedSource
	reportUnread time.Time
	ending       error
	over         bool

	// mu guards what goroutines leave for the item. requesting is true while credentials are requested; result is the result.
	mu         sync.Mutex
	requesting bool
	result     *result
}

// result is what a source is to be opened with, or why that is not known.
type result struct {
	with opened
	err  error
}

// openedSource is a source that runs.
type openedSource struct {
	with       opened
	credential *credentials.Credential
	// stop ends a passive source; nil for one with a goroutine, which cancel ends. That leaves its error in end.
	stop   func()
	cancel context.CancelFunc
	end    atomic.Pointer[error]
	// panicked is the panic of a passive source.
	panicked atomic.Pointer[error]
	// reopening is true once cancel was called to open the source anew.
	reopening bool
}

// Run runs the source.
func (a *authenticated) Run(ctx context.Context, emit func(scalers.Event)) error {
	ended := make(chan error, 1)
	a.Begin(ctx, emit, func(err error) { ended <- err })
	return <-ended
}

// Begin runs the source, and returns at once: see autoscaler.Asynchronous.
func (a *authenticated) Begin(ctx context.Context, emit func(scalers.Event), ended func(error)) {
	s := &session{authenticated: a, emit: emit, ended: ended}
	s.item = a.env.Queue.NewItem(func() {
		if err := triggers.Recovered(func() error { s.run(ctx); return nil }); err != nil {
			s.ending = err
			s.finish()
		}
	})
	// The servers are known only with the config, which may need variables, so these are read with a credential of their own.
	s.credential = a.all.Open(a.use)
	unwatch := s.credential.Watch(func() {
		s.changed.Store(true)
		s.item.Wake()
	})
	stopWake := context.AfterFunc(ctx, s.item.Wake)
	s.closing = []func(){func() { stopWake() }, unwatch, s.credential.Close}
	s.item.Wake()
}

// run does what there is to do: it opens the source, opens it anew after a change, or ends.
func (s *session) run(ctx context.Context) {
	if s.over {
		return
	}
	if ctx.Err() != nil {
		s.ending = ctx.Err()
	}
	if s.source != nil && s.source.end.Load() != nil {
		s.sourceEnded(*s.source.end.Load())
	}
	if s.source != nil && s.source.panicked.Load() != nil && s.ending == nil {
		s.ending = *s.source.panicked.Load()
	}
	if s.ending != nil {
		s.finish()
		return
	}
	if s.source != nil && s.source.reopening {
		return // Its end leads to another call.
	}
	if r := s.newResult(ctx); r != nil {
		s.apply(ctx, r)
	}
	if s.ending != nil {
		s.finish()
	}
}

// sourceEnded closes a source with a goroutine that has ended. The session ends with it, unless the source is to be opened anew.
func (s *session) sourceEnded(err error) {
	reopening := s.source.reopening
	s.source.credential.Close()
	s.source = nil
	if err == nil && !reopening {
		err = errSourceEnded
	}
	if s.ending == nil && (!reopening || !errors.Is(err, context.Canceled)) {
		s.ending = err
	}
}

// finish ends what runs. Once nothing does, it reports the end; otherwise the ends of these lead to another call.
func (s *session) finish() {
	s.item.ClearDeadline()
	if s.source != nil {
		s.close()
	}
	s.mu.Lock()
	requesting := s.requesting
	s.mu.Unlock()
	if s.source != nil || requesting {
		return
	}
	s.over = true
	for _, end := range s.closing {
		end()
	}
	s.ended(s.ending)
}

// close ends the source: at once if it is passive, and otherwise with a later call of run.
func (s *session) close() {
	if s.source.stop == nil {
		s.source.cancel()
		return
	}
	ending := s.source
	s.source = nil
	ending.stop()
	ending.credential.Close()
}

// newResult reads what the source is to be opened with, unless that has not changed. It returns nil if it has not, and while it is requested.
func (s *session) newResult(ctx context.Context) *result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requesting {
		return nil
	}
	if r := s.result; r != nil {
		s.result = nil
		return r
	}
	if !s.changed.Swap(false) && s.source != nil {
		return nil
	}
	if len(s.trigger.Kind.LoginParameters) == 0 { // All that is needed is in objects that are watched.
		with, err := s.read(credentials.WithoutWaiting(ctx), s.credential)
		return &result{with, err}
	}
	s.requesting = true
	go func() {
		r := &result{}
		if err := triggers.Recovered(func() (err error) { r.with, err = s.read(ctx, s.credential); return err }); err != nil {
			r.err = err
		}
		s.mu.Lock()
		s.requesting, s.result = false, r
		s.mu.Unlock()
		s.item.Wake()
	}()
	return nil
}

// apply opens the source, or opens it anew if it was opened with something else.
func (s *session) apply(ctx context.Context, r *result) {
	if s.source != nil {
		if r.err != nil || r.with.equal(s.source.with) {
			return // While they cannot be read, the last ones are used.
		}
		s.source.reopening = true
		if s.close(); s.source != nil {
			s.changed.Store(true) // It is read again once the source has ended.
			return
		}
	}
	err := r.err
	if err == nil {
		err = errors.Join(r.with.invalid, s.missingBridge(r.with.limit))
	}
	if err == nil {
		s.reportUnread = time.Time{}
		s.item.ClearDeadline()
		s.ending = s.start(ctx, r.with)
		return
	}
	if s.awaitsObjects(err) {
		return
	}
	s.item.WakeAfter(maxReopen)
	s.emit(scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(s.env.Now()), Err: err})
}

// awaitsObjects reports whether an error only says that objects have not been read yet, and not for long. Their reading wakes the item.
func (s *session) awaitsObjects(err error) bool {
	if !errors.Is(err, credentials.ErrNotRead) {
		s.reportUnread = time.Time{}
		return false
	}
	now := time.Now()
	if s.reportUnread.IsZero() {
		s.reportUnread = now.Add(maxUnread)
	}
	if !now.Before(s.reportUnread) {
		return false
	}
	s.item.WakeAfter(s.reportUnread.Sub(now))
	return true
}

// start opens the source and starts it.
func (s *session) start(ctx context.Context, with opened) error {
	use := s.use
	if remote, ok := with.config.(triggers.Remote); ok {
		use.Servers = remote.Servers()
	}
	credential := s.all.Open(use)
	opened := &openedSource{with: with, credential: credential}
	env := s.env
	env.Secrets, env.WatchSecrets, env.Credentials = credential.Secrets, credential.Watch, use.Identity(with.shared)
	env.PodIdentity = credential.PodIdentity
	env.Panicked = func(err error) {
		opened.panicked.Store(&err)
		s.item.Wake()
	}
	source, err := s.open(with, env)
	if err != nil {
		credential.Close()
		return err
	}
	emit := withNotice(s.emit, credential.Stale)
	if passive, ok := source.(triggers.Passive); ok {
		if opened.stop, err = passive.Start(emit); err != nil {
			credential.Close()
			return err
		}
		s.source = opened
		return nil
	}
	ctx, opened.cancel = context.WithCancel(ctx)
	s.source = opened
	go func() {
		err := triggers.Recovered(func() error { return source.Run(ctx, emit) })
		opened.cancel()
		opened.end.Store(&err)
		s.item.Wake()
	}()
	return nil
}

// withNotice adds to events without a notice why the vault of the credential could not be read again, if stale returns that.
func withNotice(emit func(scalers.Event), stale func() string) func(scalers.Event) {
	return func(e scalers.Event) {
		if why := stale(); why != "" && e.Notice.Reason == "" && e.Err == nil {
			e.Notice = scalers.Notice{Reason: v1alpha1.ReasonVaultNotRead, Text: "the values of the vault that were read last are used: " + why}
		}
		emit(e)
	}
}
