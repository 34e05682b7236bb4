package scalers

import "time"

// Metric says how a trigger's level becomes replicas. The names are autoscaling/v2's.
type Metric uint8

const (
	// AverageValue divides the level by the target: replicas = ceil(level / target).
	AverageValue Metric = iota
	// Value multiplies the ready pods by the ratio: replicas = ceil(level / target × ready pods).
	Value
	// Utilization is the share of what the pods request that they use: replicas = ceil(percent / target × ready pods).
	Utilization
)

// Trigger is what the policy says of one trigger.
type Trigger struct {
	// Name is unique within the workload; events carry it.
	Name   string
	Metric Metric
	// Target is the level that one replica (AverageValue) or the whole workload (Value) is meant to have; > 0. An exact
	// trigger's is 1. That of Utilization is in thousandths of a percent: 50_000 is 50 %.
	Target Milli
	// Activation is the level that must be exceeded, strictly, for the trigger to be active.
	Activation Milli
	// PerPod: its readings are of single pods (cpu, memory), with metric Utilization or AverageValue; a reading of another
	// kind is unknown. Such a trigger has no activity of its own: a workload with no other trigger is always active.
	PerPod bool
	// CPU: a pod that still warms up does not count. It goes with PerPod, for cpu and not for memory.
	CPU bool
	// Exact: the level is itself a replica count (a schedule, `replicas: N`); no tolerance is applied.
	Exact bool
	// Continuous: a level stands until it is replaced (pushed levels). Otherwise it is sampled: known at the instant it
	// was read, and unknown once it is older than StaleAfter (not at that age itself).
	Continuous bool
	// StaleAfter is 3 × pollingInterval for sampled triggers; 0: never.
	StaleAfter time.Duration
	// Min and Max bound what this trigger asks for, its fallback included; Max 0: no bound. A trigger with a Max raises the
	// workload up to there and no further; one with a Min never asks for fewer, while it is known.
	Min, Max int32
	// Cap: the trigger asks for nothing, but the others get no more than its own proposal (what a database bears). It tells
	// no activity, so a cap of 0 leaves what an active workload has at least. An exact trigger at 0 is off, and caps nothing;
	// neither does one that is unknown, and then nothing is lowered.
	Cap bool
	// Increment, when its Amount is not 0, makes this a step trigger: it asks for a base and so much more for each whole unit of
	// its level (increment.go). Such a trigger is exact, and its target is 1.
	Increment Increment
	// Input: the trigger's level goes into the formula of another, and does nothing else.
	Input bool
	// Formula makes this the composite trigger, KEDA's scalingModifiers: its level is computed from those of the Inputs. It is
	// the last trigger, needs no event, and is Continuous when one of its inputs is. levels[i] is that of trigger i. The
	// formula is a pure function, and returns an error when it gives no number.
	Formula func(levels []Level) (Milli, error)
}

// bound puts a proposal within the trigger's own bounds.
func (t *Trigger) bound(n int32) int32 {
	if t.Max > 0 {
		n = min(n, t.Max)
	}
	return max(n, t.Min)
}

// Select says which of several rate policies speaks. The names are autoscaling/v2's.
type Select uint8

const (
	// Max takes the policy that allows the largest change.
	Max Select = iota
	// Min takes the policy that allows the smallest change.
	Min
	// Disabled forbids the direction.
	Disabled
)

// RatePolicy limits the change within a period.
type RatePolicy struct {
	// Percent: Amount is a percentage of the count at the period's start; otherwise it is a number of replicas.
	Percent bool
	Amount  int32
	Period  time.Duration
}

// Behavior is one direction of autoscaling/v2's behavior.
type Behavior struct {
	// Window is the stabilization window.
	Window time.Duration
	// Tolerance is the relative distance from the target, in millionths, within which nothing changes.
	Tolerance int64
	Select    Select
	// Policies is empty for no limit.
	Policies []RatePolicy
}

// Paused is what a user forbade for the time being.
type Paused struct {
	// At, when Fixed, is exactly the count that is wanted; limits are ignored.
	Fixed bool
	At    int32
	// Keep forbids every change; In and Out forbid one direction.
	Keep, In, Out bool
}

// NoIdle is the Rest of a policy that has no resting count.
const NoIdle int32 = -1

// Policy is all that a user decided about one workload. It does not change while decisions are taken with it.
type Policy struct {
	Min, Max int32
	// Idle is the count while no trigger is active: idleReplicaCount, else 0 when Min is 0, else NoRest.
	Idle int32
	// Cooldown is how long after the last active instant the workload goes to rest; InitialCooldown, from Created, when
	// it has never been active.
	Cooldown, InitialCooldown time.Duration
	Created                   Instant
	Up, Down                  Behavior
	Paused                    Paused
	// Fallback speaks for triggers that fail too often; nil: they stay unknown.
	Fallback *Fallback
	// ForceActivation: the workload counts as active, whatever its triggers say.
	ForceActivation bool
	// CPUInitializationPeriod is how long after its start a pod's cpu is taken for that of starting; InitialReadinessDelay
	// how long after its start a pod may first become ready. Kubernetes has 5 minutes and 30 seconds. Only triggers with CPU
	// read them.
	CPUInitializationPeriod, InitialReadinessDelay time.Duration
	// Triggers are in the order of the spec; Input.Events has the same length and order.
	Triggers []Trigger
}

// maxPeriod bounds the period of a rate policy and the scale-up window; autoscaling/v2 has 30 minutes and an hour.
const maxPeriod = 24 * time.Hour

// MaxTriggers bounds the triggers of one workload.
const MaxTriggers = 32
