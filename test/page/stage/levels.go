package stage

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Levels are the levels of the triggers of type level, by name.
type Levels struct {
	mu   sync.Mutex
	last map[string]scalers.Event
	emit map[string]map[*levelSource]func(scalers.Event)
}

func newLevels() *Levels {
	return &Levels{last: map[string]scalers.Event{}, emit: map[string]map[*levelSource]func(scalers.Event){}}
}

// Set sets the level of a name.
func (l *Levels) Set(name string, level float64) {
	l.send(name, scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 1000)})
}

// Fail makes the level of a name unknown.
func (l *Levels) Fail(name, reason string) {
	l.send(name, scalers.Event{At: scalers.InstantOf(time.Now()), Err: errors.New(reason)})
}

func (l *Levels) send(name string, e scalers.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[name] = e
	for _, emit := range l.emit[name] {
		emit(e)
	}
}

// levelConfig is the metadata of the type level.
type levelConfig struct {
	Level  string        `json:"level" required:"true" doc:"Name of the level."`
	Target scalers.Milli `json:"target" required:"true" doc:"Level of each replica."`
}

// Validate implements triggers.Config.
func (levelConfig) Validate() error { return nil }

// Trigger implements triggers.Config.
func (c levelConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Target, StaleAfter: time.Hour}
}

// kind is the type level.
func (l *Levels) kind() triggers.Kind {
	return triggers.Define("level", "A level that is set in the process.", levelConfig{}, func(c levelConfig, _ triggers.Env) (triggers.Source, error) {
		return &levelSource{l, c.Level}, nil
	})
}

// levelSource is a source of the type level.
type levelSource struct {
	all  *Levels
	name string
}

// Run emits the level, and each change of it.
func (s *levelSource) Run(ctx context.Context, emit func(scalers.Event)) error {
	l := s.all
	l.mu.Lock()
	if l.emit[s.name] == nil {
		l.emit[s.name] = map[*levelSource]func(scalers.Event){}
	}
	l.emit[s.name][s] = emit
	if e, ok := l.last[s.name]; ok {
		e.At = scalers.InstantOf(time.Now())
		emit(e)
	}
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.emit[s.name], s)
	return ctx.Err()
}
