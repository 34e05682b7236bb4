package plane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/process"
)

// grace is how long a component may take to stop. The API server would take a minute, for as long as clients
// hold on to their watches.
const grace = 3 * time.Second

// Sandbox is a control plane, running or about to. It owns its folder and its processes.
type Sandbox struct {
	layout
	lock       *os.File
	ports      reservations
	guard      *process.Guard
	group      *process.Group
	api        *apiClient
	authority  *authority
	components []component
	joined     sync.Map // The names of the components that have been ready.
	ready      atomic.Bool
}

// Open claims the folder and prepares everything in it; nothing runs yet but the guard. The caller must Close it.
func Open(ctx context.Context, options Options) (*Sandbox, error) {
	lock, err := Claim(options.Dir)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{layout: layout{Options: options}, lock: lock}
	remove := slices.Clone(options.Remove)
	if !options.RetainDir {
		remove = append(remove, options.Dir)
	}
	s.guard, err = process.StartGuard(lock, options.Executable, append([]string{"guard"}, remove...)...)
	if err != nil {
		return nil, errors.Join(err, Release(options.Dir, lock))
	}
	s.group = process.NewGroup(s.guard)
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sandbox) prepare(ctx context.Context) error {
	wanted := s.all()
	var err error
	if s.ports, err = reservePorts(ctx, len(wanted)); err != nil {
		return err
	}
	for i, port := range s.ports {
		*wanted[i] = port.address
	}
	a, err := newAuthority()
	if err != nil {
		return err
	}
	s.authority = a
	if s.api, err = newAPIClient("https://"+s.apiserver, a); err != nil {
		return err
	}
	s.components = s.layout.components()
	return s.layout.prepare(a)
}

// Env is where everything is, running or not yet.
func (s *Sandbox) Env() Env { return s.env(os.Getpid(), s.runs) }

// Joined is where everything is that has been ready by now.
func (s *Sandbox) Joined() Env {
	return s.env(os.Getpid(), func(component string) bool {
		_, joined := s.joined.Load(component)
		return joined
	})
}

// Status is the state of a sandbox and its components.
type Status struct {
	Ready      bool             `json:"ready"`
	Env        Env              `json:"env"`
	Components []process.Status `json:"components"`
}

// Status returns the states of the components.
func (s *Sandbox) Status() Status {
	return Status{Ready: s.ready.Load(), Env: s.Env(), Components: s.group.Status()}
}

// Wait returns an error as soon as a component exits by itself, or nil when ctx is done.
func (s *Sandbox) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case exit := <-s.group.Exits():
		return exit
	}
}

// Start runs a component that was stopped and returns when it is ready again.
func (s *Sandbox) Start(ctx context.Context, name string) error {
	c, err := s.component(name)
	if err != nil {
		return err
	}
	if err := s.group.Start(c.Spec); err != nil {
		return err
	}
	return s.awaitReady(ctx, c)
}

// Stop ends a component as a rolling update would or, by force, as a crash would. It returns when the component has exited.
func (s *Sandbox) Stop(name string, force bool) error {
	timeout := grace
	if force {
		timeout = 0
	}
	return s.group.Stop(name, timeout)
}

// Pause freezes a component: connections stay open and nothing answers.
func (s *Sandbox) Pause(name string) error { return s.group.Pause(name) }

// Resume resumes a paused component.
func (s *Sandbox) Resume(name string) error { return s.group.Resume(name) }

func (s *Sandbox) component(name string) (component, error) {
	for _, c := range s.components {
		if c.Name == name {
			return c, nil
		}
	}
	return component{}, fmt.Errorf("%s is not part of this sandbox", name)
}

// Close kills everything and removes every file, unless they are kept.
func (s *Sandbox) Close() error {
	s.group.Close()
	failed := []error{s.ports.Close()}
	for _, path := range s.Remove {
		failed = append(failed, os.RemoveAll(path))
	}
	if s.RetainDir {
		failed = append(failed, s.lock.Close())
	} else {
		failed = append(failed, Release(s.Dir, s.lock))
	}
	return errors.Join(append(failed, s.guard.Dismiss())...)
}
