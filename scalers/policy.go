package scalers

import "time"

// Metric is how a level becomes a number of replicas. The names are those of autoscaling/v2.
type Metric uint8

const (
	// AverageValue divides the level by the target: replicas = ceil(level / target).
	AverageValue Metric = iota
	// Value multiplies the ratio with the ready pods: replicas = ceil(level / target × ready pods).
	Value
	// Utilization is the percentage of their requests that the pods use: replicas = ceil(percent / target × ready pods).
	Utilization
)

// Trigger is the policy of one trigger.
type Trigger struct {
	// Name is unique within the workload and not empty. Events have it.
	Name   string
	Metric Metric
	// Target is the level that one replica (AverageValue) or the whole workload (Value) should have, in thousandths of the
	// trigger's unit; above 0. That of an Exact trigger is 1, which is 1000 thousandths. For Utilization it is in thousandths of
	// a percent: 50_000 is 50 %.
	Target Milli
	// Activation is the level above which the trigger is active, strictly, in the same unit as the level.
	Activation Milli
	// PerPod is true when the readings are of single pods (cpu, memory, kubernetes-pods). An event whose PerPod differs is unknown. Metric is
	// Utilization or AverageValue. Such a trigger signals no activity: a workload without other triggers is always active.
	PerPod bool
	// CPU is true when pods that still start do not count; only with PerPod, for cpu but not for memory.
	CPU bool
	// Exact is true when the level is itself a number of replicas (a schedule, `replicas: N`). No tolerance applies.
	Exact bool
	// Continuous is true when a level holds until the next event, as that of an alert does. Otherwise the trigger is sampled:
	// a level is known at the instant of its reading, and unknown once it is older than StaleAfter.
	Continuous bool
	// StaleAfter is the age in which a sampled reading still counts, inclusive: three times the polling interval. 0: any age.
	StaleAfter time.Duration
	// Min and Max bound what this trigger asks for, its fallback included, in replicas; Max 0 is no bound. With a Max the
	// trigger raises the workload up to there and no further. With a Min it never asks for fewer while it is known.
	Min, Max int32
	// Cap is true when the trigger asks for no replicas, and the count of its level is a maximum for the other triggers. It signals no
	// activity, so at 0 an active workload keeps its minimum, and at least 1. An Exact trigger at 0 is off, and caps nothing.
	// While the trigger is unknown it caps nothing, and nothing lowers the count.
	Cap bool
	// Increment, when its Amount is not 0, makes this a step trigger: it asks for a base and so much more for each whole unit of
	// its level. A step trigger is Exact with metric AverageValue.
	Increment Increment
	// Input is true when the level is only an argument of the Formula of another trigger.
	Input bool
	// Formula makes this the composite trigger (scalingModifiers): its level is computed from those of the triggers with
	// Input. It is the last trigger, needs no event, and is Continuous when one of its inputs is. levels[i] is the level of
	// trigger i. Formula must be a pure function; it returns an error when it gives no number.
	Formula func(levels []Level) (Milli, error)
}

// bound returns n within the trigger's own bounds.
func (t *Trigger) bound(n int32) int32 {
	if t.Max > 0 {
		n = min(n, t.Max)
	}
	return max(n, t.Min)
}

// Select is which of several rate policies applies. The names are those of autoscaling/v2.
type Select uint8

const (
	// Max applies the policy that allows the largest change.
	Max Select = iota
	// Min applies the policy that allows the smallest change.
	Min
	// Disabled allows no change in the direction.
	Disabled
)

// RatePolicy limits the change of the count within a period.
type RatePolicy struct {
	// Percent is true when Amount is a percentage of the count at the start of the period, and not a number of replicas.
	Percent bool
	// Amount is above 0.
	Amount int32
	// Period is above 0, and at most 24 hours.
	Period time.Duration
}

// Behavior is one direction of autoscaling/v2's behavior.
type Behavior struct {
	// Window is the stabilization window, 0 or more; upwards at most 24 hours.
	Window time.Duration
	// Tolerance is the relative distance from the target within which nothing changes, in millionths; 0 or more.
	Tolerance int64
	Select    Select
	// Policies limit the change; no policy is no limit.
	Policies []RatePolicy
}

// NoIdle is the Idle of a policy without an idle count.
const NoIdle int32 = -1

// Policy is everything that a user decided about one workload. It must not change during a decision. [Policy.Validate]
// checks the ranges that the fields name.
type Policy struct {
	// Min and Max are the limits of the count, in replicas: 0 <= Min <= Max, and 1 <= Max.
	Min, Max int32
	// Idle is the count while no trigger is active, less than Min or 0: idleReplicaCount if the user set it, else 0 when Min
	// is 0, else NoIdle.
	Idle int32
	// Cooldown is how long after the last active instant the workload becomes idle; InitialCooldown, from Created, applies
	// while no trigger has ever been active. Both are 0 or more.
	Cooldown, InitialCooldown time.Duration
	// Created is when the policy's object was created.
	Created Instant
	// Up and Down are the behavior in each direction.
	Up, Down Behavior
	Paused   Paused
	// Fallback applies to triggers that keep failing. Without one, nil, they stay unknown.
	Fallback *Fallback
	// ForceActivation makes the workload active, whatever its triggers signal.
	ForceActivation bool
	// CPUInitializationPeriod is the time after the start of a pod in which its cpu may come from starting and not from load.
	// InitialReadinessDelay is the time after the start of a pod in which it may first become ready. Kubernetes has 5 minutes
	// and 30 seconds. Both apply to triggers with CPU only.
	CPUInitializationPeriod, InitialReadinessDelay time.Duration
	// Triggers are in the order of the spec; 1 to MaxTriggers.
	Triggers []Trigger
}

// maxPeriod bounds the period of a rate policy and the scale-up window. autoscaling/v2 has 30 minutes and an hour.
const maxPeriod = 24 * time.Hour

// MaxTriggers is the largest number of triggers of one workload.
const MaxTriggers = 32
