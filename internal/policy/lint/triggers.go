package lint

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// activation: a trigger that is active only when more than the maximum is asked for knows two counts only.
func (a *adviser) activation(i int) {
	t := &a.w.Policy.Triggers[i]
	if t.Exact || t.Metric != scalers.AverageValue || t.Target <= 0 || a.w.Policy.Idle < 0 {
		return
	}
	reach := scalers.Milli(math.MaxInt64)
	if most := int64(a.w.Policy.Max); int64(t.Target) <= math.MaxInt64/most {
		reach = t.Target * scalers.Milli(most)
	}
	if t.Activation >= reach {
		a.say(path(i), fmt.Sprintf("%s is active only above %s, where maxReplicaCount, %d, is reached already (target %s): it is off or full",
			t.Name, t.Activation, a.w.Policy.Max, t.Target), "lower the activation value, or raise the target")
	}
}

// exact: a count that is wished for and cannot be had, or that the minimum gives anyway.
func (a *adviser) exact(i int) {
	p := a.w.Policy
	for _, key := range []string{"desiredReplicas", "replicas"} {
		if !p.Triggers[i].Exact {
			return
		}
		value := a.so.Spec.Triggers[i].Metadata[key]
		text, _ := value.Text()
		count, err := strconv.ParseInt(text, 10, 32)
		field := path(i) + ".metadata." + key
		switch {
		case err != nil: // It has no such parameter.
		case p.Triggers[i].Cap:
			a.caps(field, count)
		case count > int64(p.Max):
			a.say(field, fmt.Sprintf("%d is never reached: maxReplicaCount is %d", count, p.Max), "raise maxReplicaCount")
		case count <= int64(p.Min):
			a.say(field, fmt.Sprintf("%d is no more than minReplicaCount, %d: the trigger changes nothing", count, p.Min), "")
		}
	}
}

// caps: a count that caps nothing.
func (a *adviser) caps(field string, count int64) {
	switch most := int64(a.w.Policy.Max); {
	case count == 0:
		a.say(field, "0 caps nothing: it is what the trigger says while it is off", "pause the object, or use a formula: (open > 0 ? queue : 0)")
	case count >= most:
		a.say(field, fmt.Sprintf("%d caps nothing: maxReplicaCount is %d", count, most), "lower it, or leave the trigger out")
	}
}

// nulls: the setting that turns a lost series into a scale-down.
func (a *adviser) nulls(i int) {
	value, set := a.so.Spec.Triggers[i].Metadata["ignoreNullValues"]
	if text, _ := value.Text(); set && text == "true" {
		a.say(path(i)+".metadata.ignoreNullValues", "an empty answer counts as 0: a series that gets lost scales down", "leave it out, and it is unknown and lowers nothing")
	}
}

// memory: what processes have taken they rarely give back.
func (a *adviser) memory(i int) {
	if a.so.Spec.Triggers[i].Type == "memory" {
		a.say(path(i)+".type", "memory rarely scales down: processes keep what they have taken", "scale on what causes the load, and keep memory for a limit")
	}
}

func path(i int) string { return fmt.Sprintf("spec.triggers[%d]", i) }

// polled reports whether some trigger is read at intervals.
func (a *adviser) polled() bool {
	for i := range a.w.Triggers {
		if !a.w.Triggers[i].Kind.Push {
			return true
		}
	}
	return false
}

// tolerated reports whether the tolerance speaks on some trigger.
func (a *adviser) tolerated() bool {
	for i := range a.w.Policy.Triggers {
		if !a.w.Policy.Triggers[i].Exact {
			return true
		}
	}
	return false
}

// interval is how often polled triggers are read.
func (a *adviser) interval() time.Duration { return a.w.Triggers[0].PollingInterval }

// percent renders millionths.
func percent(millionths int64) string { return scalers.Milli(millionths/10).String() + "%" }
