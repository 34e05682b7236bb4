package alertmanager

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Level returns the level of the firing alerts, and an error if an alert has no number where value names one. With stepInterval, next
// is when the level of the same alerts changes.
func (c Config) Level(alerts []triggers.Alert, now time.Time) (level scalers.Milli, next time.Time, err error) {
	switch {
	case c.Step != "":
		level, next = c.steps(alerts, now)
	case c.Replicas == 0:
		level, err = c.aggregate(alerts)
	case len(alerts) > 0:
		level = scalers.Milli(c.Replicas) * 1000
	}
	return level, next, err
}

// steps returns the number of steps: one for each activation, or one for each interval that the first alert has fired.
func (c Config) steps(alerts []triggers.Alert, now time.Time) (level scalers.Milli, next time.Time) {
	if len(alerts) == 0 {
		return 0, next
	}
	if c.StepInterval == 0 {
		distinct := map[activation]struct{}{}
		for i := range alerts {
			distinct[activation{fingerprint(alerts[i].Labels), alerts[i].StartsAt.UnixNano()}] = struct{}{}
		}
		return scalers.Milli(len(distinct)) * 1000, next
	}
	first := alerts[0].StartsAt
	for i := range alerts {
		if alerts[i].StartsAt.Before(first) {
			first = alerts[i].StartsAt
		}
	}
	if first.After(now) { // The clock of the sender is ahead.
		return 1000, first.Add(c.StepInterval)
	}
	fired := now.Sub(first)
	return scalers.Milli(1+fired/c.StepInterval) * 1000, now.Add(c.StepInterval - fired%c.StepInterval)
}

// activation identifies an alert since one start, whichever endpoint received it.
type activation struct {
	fingerprint model.Fingerprint
	starts      int64
}

func fingerprint(labels map[string]string) model.Fingerprint {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint()
}

// aggregate returns the sum, maximum or mean of the alerts' values.
func (c Config) aggregate(alerts []triggers.Alert) (scalers.Milli, error) {
	var sum, highest scalers.Milli
	for i := range alerts {
		value, err := c.valueOf(&alerts[i])
		if err != nil {
			return 0, err
		}
		if i == 0 || value > highest {
			highest = value
		}
		sum = add(sum, value)
	}
	switch {
	case c.Aggregation == "max":
		return highest, nil
	case c.Aggregation == "avg" && len(alerts) > 0:
		return mean(sum, scalers.Milli(len(alerts))), nil
	default:
		return sum, nil
	}
}

// mean returns sum / n, rounded away from zero like every measured number.
func mean(sum, n scalers.Milli) scalers.Milli {
	quotient := sum / n
	switch rest := sum % n; {
	case rest > 0:
		return quotient + 1
	case rest < 0:
		return quotient - 1
	default:
		return quotient
	}
}

// add returns a + b, or the nearest number that fits.
func add(a, b scalers.Milli) scalers.Milli {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	if b < 0 && a < math.MinInt64-b {
		return math.MinInt64
	}
	return a + b
}

// valueOf returns the value of one alert.
func (c Config) valueOf(a *triggers.Alert) (scalers.Milli, error) {
	kind, name, _ := strings.Cut(c.Value, ":")
	var text string
	switch kind {
	case "label":
		text = a.Labels[name]
	case "annotation":
		text = a.Annotations[name]
	default:
		return 1000, nil
	}
	if text == "" {
		return 0, fmt.Errorf("alert %s has no %s %s", a.Labels["alertname"], kind, name)
	}
	value, err := scalers.ParseMilli(text)
	if err != nil {
		return 0, fmt.Errorf("alert %s, %s %s: %w", a.Labels["alertname"], kind, name, err)
	}
	return value, nil
}
