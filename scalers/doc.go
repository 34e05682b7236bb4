// Package scalers is the decision core: from the latest reading of each trigger, the policy and what it remembers, it
// says how many replicas a workload should have, why, and when the answer could next change by itself.
//
//	Policy ──────────────┐
//	Now, Current, Events ┼─▶ Decide ─▶ Replicas, Steps, Next
//	Memory ──────────────┘      │
//	   ▲                        ▼
//	   └─ Scaled (was written) ─ Memory
//
// It has no world in it: no clock, network, log or goroutine. The same input gives the same output, byte for byte, so
// the controller, the tests and every command that explains a decision call this one package. All arithmetic is in exact
// integers that saturate.
//
// The owner of a workload asks when a reading arrives, when somebody else changes the count or the policy, and at Next;
// asking for no reason is harmless. It tells Memory of each write that succeeded, and of nothing else: our own write is no
// reason to decide.
//
// Authority, strongest first: the user's pause, the limits, rest, the fallback, what is unknown, and last what is asked for. What is
// unknown is never zero: it may keep or raise the count, and lower it only where something stronger speaks.
package scalers
