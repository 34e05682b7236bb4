package remotewrite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a prometheus-remote-write trigger.
type Config struct {
	Selector            string        `json:"selector" required:"true" doc:"Which series count, as in PromQL: http_requests_total{job=\"checkout\", code!~\"5..\"}."`
	Aggregation         string        `json:"aggregation" doc:"How the selected series become one level: sum, avg, max, min, count (the number of series), last (the newest sample of all series), or rate (the increase per second of all counters together)."`
	Window              time.Duration `json:"window" doc:"With aggregation rate: the time over which the increase is computed. Two samples are enough, also if they are further apart."`
	TTL                 time.Duration `json:"ttl" doc:"How long a series counts without a new sample. Then the level is unknown or a lower bound; after twice this time without a sample the series has ended. Set it to at least two scrape intervals."`
	ReplicaLabels       []string      `json:"replicaLabels" doc:"Labels in which the replicas of one Prometheus differ. Their samples belong to the same series, and only the samples of one replica are used."`
	Threshold           scalers.Milli `json:"threshold" required:"true" doc:"The level that one replica should have (metricType AverageValue) or the workload should have (Value)."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"The trigger is active above this level."`
}

// The aggregations.
const (
	sum   = "sum"
	avg   = "avg"
	most  = "max"
	least = "min"
	count = "count"
	last  = "last"
	rate  = "rate"
)

var aggregations = []string{sum, avg, most, least, count, last, rate}

// Limits of the times.
const (
	shortestTime = time.Second
	longestTime  = time.Hour
)

// defaults returns the config for empty metadata.
func defaults() Config {
	return Config{
		Aggregation: sum, Window: time.Minute, TTL: 2 * time.Minute, ReplicaLabels: []string{"prometheus_replica", "__replica__"},
	}
}

// Validate returns all mistakes.
func (c Config) Validate() error {
	return errors.Join(c.checkSelector(), c.checkAggregation(), checkTime("window", c.Window), checkTime("ttl", c.TTL), c.checkThreshold())
}

// Trigger returns how the level is evaluated: it counts until the next sample.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold, Continuous: true}
}

func (c Config) checkSelector() error {
	if c.Selector == "" {
		return nil // The decoder reports that it is required.
	}
	s, err := parseSelector(c.Selector)
	if err != nil {
		return wrong("selector", err.Error(), `such as http_requests_total{job="checkout"}`)
	}
	for _, m := range s.matchers {
		if slices.Contains(c.ReplicaLabels, m.Name) {
			return wrong("replicaLabels", fmt.Sprintf("%.100q is in the selector", m.Name), "remove it from one of them")
		}
	}
	return nil
}

func (c Config) checkAggregation() error {
	if slices.Contains(aggregations, c.Aggregation) {
		return nil
	}
	n := len(aggregations) - 1
	return wrong("aggregation", fmt.Sprintf("%.100q is unknown", c.Aggregation), strings.Join(aggregations[:n], ", ")+" or "+aggregations[n])
}

func checkTime(field string, d time.Duration) error {
	if d < shortestTime || d > longestTime {
		return wrong(field, fmt.Sprintf("is %s", d), fmt.Sprintf("write a time from %s to %s", shortestTime, longestTime))
	}
	return nil
}

func (c Config) checkThreshold() error {
	if c.Threshold <= 0 {
		return wrong("threshold", "must be above 0", "")
	}
	return nil
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
