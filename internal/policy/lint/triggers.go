package lint

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

// requirement warns about a trigger for which Impulse alone is not enough.
func (l *linter) requirement(i int) {
	kind := l.w.Triggers[i].Kind
	if kind.Requires != "" {
		l.warn(path(i)+".type", kind.Name+" is served by the KEDA bridge", kind.Requires)
	}
	if limit := kind.Limit(l.w.Triggers[i].Config, triggers.Login{}); limit != (triggers.Limit{}) {
		l.warn(path(i)+".metadata."+limit.Field, kind.Name+" uses "+limit.Feature+" only through the KEDA bridge", bridgeaddr.Requirement+", or "+limit.Instead)
	}
}

// zero warns about a kind that reads something unknown as 0, which lowers the count to the minimum.
func (l *linter) zero(i int) {
	if kind := l.w.Triggers[i].Kind; kind.ReadsAsZero != "" {
		l.warn(path(i)+".type", fmt.Sprintf("KEDA's scaler of %s reads %s as 0, which scales down", kind.Name, kind.ReadsAsZero),
			fmt.Sprintf("set minReplicaCount to what is needed even then; it is %d", l.w.Policy.Min))
	}
}

// activation warns about a trigger that is active only above the level at which it asks for the maximum: it knows two counts only.
func (l *linter) activation(i int) {
	t := &l.w.Policy.Triggers[i]
	if t.Exact || t.Metric != scalers.AverageValue || t.Target <= 0 || l.w.Policy.Idle < 0 {
		return
	}
	reach := scalers.Milli(math.MaxInt64)
	if most := int64(l.w.Policy.Max); int64(t.Target) <= math.MaxInt64/most {
		reach = t.Target * scalers.Milli(most)
	}
	if t.Activation >= reach {
		l.warn(path(i), fmt.Sprintf("%s is active only above %s, where maxReplicaCount, %d, is reached already (target %s): the count is the idle count, %d, or the maximum",
			t.Name, t.Activation, l.w.Policy.Max, t.Target, l.w.Policy.Idle), "lower the activation value, or raise the target")
	}
}

// exact warns about an exact count above the maximum, or not above the minimum.
func (l *linter) exact(i int) {
	p := l.w.Policy
	for _, key := range []string{"desiredReplicas", "replicas"} {
		if !p.Triggers[i].Exact {
			return
		}
		value := l.so.Spec.Triggers[i].Metadata[key]
		text, _ := value.Text()
		count, err := strconv.ParseInt(text, 10, 32)
		field := path(i) + ".metadata." + key
		switch {
		case err != nil: // The trigger has no such parameter.
		case p.Triggers[i].Cap:
			l.caps(field, count)
		case count > int64(p.Max):
			l.warn(field, fmt.Sprintf("%d is never reached: maxReplicaCount is %d", count, p.Max), "raise maxReplicaCount")
		case count <= int64(p.Min):
			l.warn(field, fmt.Sprintf("%d is no more than minReplicaCount, %d: the trigger changes nothing", count, p.Min), "")
		}
	}
}

// caps warns about a cap without an effect.
func (l *linter) caps(field string, count int64) {
	switch most := int64(l.w.Policy.Max); {
	case count == 0:
		l.warn(field, "0 caps nothing: an inactive trigger has the value 0, too",
			"pause the object, or use a formula, such as (open > 0 ? queue : 0) of triggers named open and queue")
	case count >= most:
		l.warn(field, fmt.Sprintf("%d caps nothing: maxReplicaCount is %d", count, most), "lower it, or leave the trigger out")
	}
}

// nulls warns about ignoreNullValues, by which a series that is lost scales down.
func (l *linter) nulls(i int) {
	value, set := l.so.Spec.Triggers[i].Metadata["ignoreNullValues"]
	if text, _ := value.Text(); set && text == "true" {
		l.warn(path(i)+".metadata.ignoreNullValues", "an empty answer counts as 0: a series that gets lost scales down", "leave it out: the level is then unknown and lowers nothing")
	}
}

// memory warns about scaling by memory, which processes rarely release.
func (l *linter) memory(i int) {
	if l.so.Spec.Triggers[i].Type == "memory" {
		l.warn(path(i)+".type", "memory rarely scales down: processes rarely release it", "scale on what causes the load, and limit memory by the container's resource limit")
	}
}

func path(i int) string { return fmt.Sprintf("spec.triggers[%d]", i) }

// polled reports whether at least one trigger is read at intervals.
func (l *linter) polled() bool {
	for i := range l.w.Triggers {
		if !l.w.Triggers[i].Kind.Push {
			return true
		}
	}
	return false
}

// tolerated reports whether the tolerance applies to at least one trigger.
func (l *linter) tolerated() bool {
	for i := range l.w.Policy.Triggers {
		if !l.w.Policy.Triggers[i].Exact {
			return true
		}
	}
	return false
}

// interval returns the polling interval.
func (l *linter) interval() time.Duration { return l.w.Triggers[0].PollingInterval }

// percent formats millionths as a percentage.
func percent(millionths int64) string { return scalers.Milli(millionths/10).String() + "%" }
