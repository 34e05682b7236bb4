package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Kind returns the kind kubernetes-workload.
func Kind() triggers.Kind {
	k := triggers.Define("kubernetes-workload", "The number of pods that a label selector selects.", Config{}, open)
	k.Push = true
	k.Example = map[string]string{"podSelector": "app=backend,tier in (web,api)", "value": "0.5"}
	return k
}

// Config is the metadata of a kubernetes-workload trigger.
type Config struct {
	PodSelector     string        `json:"podSelector" required:"true" doc:"Label selector of the pods, in the form of kubectl: app=backend,tier in (web,api). The pods are those of the ScaledObject's namespace."`
	Value           scalers.Milli `json:"value" required:"true" doc:"Target number of pods: per replica (metricType AverageValue, the default), or in total (Value)."`
	ActivationValue scalers.Milli `json:"activationValue" doc:"The trigger is active above this number. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	GroupByNode     bool          `json:"groupByNode" doc:"Count the nodes on which the pods are instead of the pods."`
}

// Validate returns all mistakes.
func (c Config) Validate() error {
	var all []error
	if _, err := labels.Parse(c.PodSelector); err != nil {
		all = append(all, &triggers.FieldError{Field: "podSelector", Problem: "is not a label selector: " + err.Error(), Suggestion: "write it as for kubectl get -l, such as app=backend"})
	}
	if c.Value <= 0 {
		all = append(all, &triggers.FieldError{Field: "value", Problem: "must be above 0"})
	}
	return errors.Join(all...)
}

// Trigger divides the level by the value. The level holds until the next change.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Value, Activation: c.ActivationValue, Continuous: true}
}

// open returns the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	if env.CountPods == nil {
		return nil, errors.New("counting pods needs a cluster")
	}
	selector, err := labels.Parse(strings.TrimSpace(c.PodSelector))
	if err != nil {
		return nil, fmt.Errorf("read podSelector: %w", err)
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	return &source{env: env, query: triggers.PodQuery{Namespace: env.Namespace, Selector: selector.String(), ByNode: c.GroupByNode}}, nil
}

// source is one open trigger.
type source struct {
	env   triggers.Env
	query triggers.PodQuery
}

// Run is Start until ctx is done.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	return triggers.RunPassive(ctx, s, emit)
}

// Start emits the number of pods at the start and at each change, or once per interval. With the metric type Value it emits the number once per
// interval in any case, because the ready pods of the target, which the count also depends on, may have changed.
func (s *source) Start(emit func(scalers.Event)) (stop func(), err error) {
	stopCache := func() {}
	if repeats := s.env.Metric == scalers.Value; s.env.Cached || repeats {
		c := &cache{emit: emit, now: s.env.Now, interval: s.env.PollingInterval, delays: s.env.Cached, repeats: repeats}
		stopCache = c.start(s.env.NewItem)
		emit = c.put
	}
	stopCount, err := s.env.CountPods(s.query, func(count int64, err error) {
		defer s.env.Recover()
		e := scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(s.env.Now()), Value: scalers.Milli(count) * 1000}
		if err != nil {
			e.Value, e.Err = 0, fmt.Errorf("count the pods of %s: %w", s.query.Selector, err)
		}
		emit(e)
	})
	if err != nil {
		stopCache()
		return nil, err
	}
	return func() { stopCount(); stopCache() }, nil
}
