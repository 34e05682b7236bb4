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

// Level turns the firing alerts into one level. One that is worth no number makes it unknown. The same alerts are another
// level at next, when steps follow time.
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

// steps is how many steps the alerts ask for: one for each activation, or one for each interval that the first has fired.
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
	if first.After(now) { // A sender whose clock is ahead.
		return 1000, first.Add(c.StepInterval)
	}
	fired := now.Sub(first)
	return scalers.Milli(1+fired/c.StepInterval) * 1000, now.Add(c.StepInterval - fired%c.StepInterval)
}

// activation is one alert since one start, whichever door it came through.
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

// aggregate makes one level of what the alerts are worth.
func (c Config) aggregate(alerts []triggers.Alert) (scalers.Milli, error) {
	var sum, most scalers.Milli
	for i := range alerts {
		worth, err := c.worth(&alerts[i])
		if err != nil {
			return 0, err
		}
		if i == 0 || worth > most {
			most = worth
		}
		sum = add(sum, worth)
	}
	switch {
	case c.Aggregation == "max":
		return most, nil
	case c.Aggregation == "avg" && len(alerts) > 0:
		return mean(sum, scalers.Milli(len(alerts))), nil
	default:
		return sum, nil
	}
}

// mean is sum / n, rounded away from zero as every number that is measured.
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

// add saturates.
func add(a, b scalers.Milli) scalers.Milli {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	if b < 0 && a < math.MinInt64-b {
		return math.MinInt64
	}
	return a + b
}

// worth is what one alert counts for.
func (c Config) worth(a *triggers.Alert) (scalers.Milli, error) {
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
	worth, err := scalers.ParseMilli(text)
	if err != nil {
		return 0, fmt.Errorf("alert %s, %s %s: %w", a.Labels["alertname"], kind, name, err)
	}
	return worth, nil
}
