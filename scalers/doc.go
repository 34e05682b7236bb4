// Package scalers is the decision core: a pure function from the latest reading of each trigger, the policy and a small
// memory to the number of replicas that a workload should have, the reasons, and the instant at which the answer could next
// change.
//
//	Policy ──────────────┐
//	Now, Current, Events ┼─▶ Decide ─▶ Replicas, Steps, Next
//	Memory ──────────────┘      │
//	   ▲                        ▼
//	   └── Scaled (a write) ◀── Memory
//
// It has no clock, network, log or goroutine. The same input gives the same output, byte for byte, so the controller, the
// tests and every command that explains a decision call this one package.
//
// # When to decide
//
// The caller decides when an event arrives, when another client changes the count, when the policy changes, and at
// Decision.Next. Everything that is due at one instant belongs into one decision. Deciding more often is harmless. After each
// write that succeeded the caller applies [Memory.Scaled]; its own write is no reason to decide.
//
// # Units
//
// Levels and targets are [Milli], which are thousandths of the trigger's own unit; a utilization is in thousandths of a percent.
// Tolerances are in millionths. An [Instant] is in nanoseconds since the Unix epoch; [Never] is not reached. Counts are in
// replicas, as int32. All arithmetic is exact and in integers, and saturates.
//
// # The rules, in order
//
// Each rule changes the count or leaves it as it is. One that changes it adds a [Step].
//
//  1. Activation: an active trigger starts an idle workload at once, with max(1, minimum) replicas. A trigger is active when
//     its level is above its activation value, strictly, or for a source that reports whether there is work, when it does.
//  2. Limits: a count outside minimum and maximum moves to the nearer limit. The rules that follow start from the count that 1 and 2
//     leave.
//  3. Formula: of the known triggers, the one that asks for the highest count wins; if several do, the first in the policy.
//  4. Tolerance: a trigger whose level is close to its target asks for the count at the instant of its reading. A trigger
//     above its target never lowers the count; one below its target never raises it.
//  5. Unknown: while a trigger is unknown, the others may raise the count, and nothing lowers it. While all are unknown, the
//     count stays.
//  6. Fallback: a trigger that fails more often in a row than the user allows asks for the fallback's count, which may be a
//     lower one.
//  7. Stabilization: the count stays within the recommendations of the scale-up and the scale-down window.
//  8. Rate: the count changes by no more than the rate policies allow in their periods.
//  9. Idle: while no trigger is active, an idle workload stays idle, and a running one becomes idle once the cooldown is over.
//     Only rate policies slow that.
//  10. Limits: the count is within minimum and maximum, or is the idle count.
//  11. Paused: a pause overrides all of them, until it ends.
//
// Where two rules contradict each other, the first of them in this order takes precedence: paused, limits, idle, fallback, unknown, demand.
//
// # The states of a workload
//
// A policy without an idle count has only the state running.
//
//	                   a trigger is active
//	      ┌─────────────────────────────────────────────┐
//	      │                                             ▼
//	  ┌──────┐   cooldown over, rates permitting   ┌─────────┐
//	  │ idle │ ◀────────────────────────────────── │ running │
//	  └──────┘   no trigger is active or unknown   └─────────┘
//	the idle count                              minimum to maximum
package scalers
