package stage

import (
	"context"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
)

// Targets are workloads in memory. Each has one replica at first.
type Targets struct {
	mu  sync.Mutex
	all map[string]*target
	// takes is how long a write takes, and denied the reason why all writes to a target fail.
	takes  time.Duration
	denied map[string]error
}

type target struct {
	replicas int32
	version  int
	watches  map[*func(actuator.Observation)]bool
}

func newTargets() *Targets { return &Targets{all: map[string]*target{}, denied: map[string]error{}} }

// Delay sets how long a write takes.
func (g *Targets) Delay(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.takes = d
}

// Reset gives all targets one replica again, as another client would.
func (g *Targets) Reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, t := range g.all {
		t.replicas, t.version = 1, t.version+1
		for changed := range t.watches {
			(*changed)(t.observation(key))
		}
	}
}

// Deny makes all writes to a target fail.
func (g *Targets) Deny(namespace, name string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.denied[namespace+"/"+name] = err
}

// at returns a target. The caller holds mu.
func (g *Targets) at(of actuator.Target) (string, *target) {
	key := of.Namespace + "/" + of.Name
	if g.all[key] == nil {
		g.all[key] = &target{replicas: 1, watches: map[*func(actuator.Observation)]bool{}}
	}
	return key, g.all[key]
}

func (t *target) observation(key string) actuator.Observation {
	scale := actuator.Scale{UID: types.UID(key), Replicas: t.replicas, ResourceVersion: strconv.Itoa(t.version + 1)}
	return actuator.Observation{Scale: scale, Ready: t.replicas}
}

// Follow implements autoscaler.Actuator.
func (g *Targets) Follow(of actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key, t := g.at(of)
	t.watches[&changed] = true
	changed(t.observation(key))
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(t.watches, &changed)
	}, nil
}

// Set implements autoscaler.Actuator.
func (g *Targets) Set(ctx context.Context, of actuator.Target, _ actuator.Scale, n int32) (actuator.Scale, error) {
	g.mu.Lock()
	takes := g.takes
	g.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return actuator.Scale{}, ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	key, t := g.at(of)
	if err := g.denied[key]; err != nil {
		return actuator.Scale{}, err
	}
	t.replicas, t.version = n, t.version+1
	for changed := range t.watches {
		(*changed)(t.observation(key))
	}
	return t.observation(key).Scale, nil
}

// Pods implements autoscaler.Actuator.
func (*Targets) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }
