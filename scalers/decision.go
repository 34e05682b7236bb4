package scalers

import "slices"

// fewTriggers is the number of triggers up to which a decision allocates nothing for its proposals.
const fewTriggers = 5

// Decision is the number of replicas that a workload should have, with the reasons and the time until which it holds.
type Decision struct {
	// Replicas is the count that the target should have; 0 or more.
	Replicas int32
	// Raw is the result of the winner's formula, in replicas, before tolerance and every later rule. It has no meaning
	// while Winner is -1.
	Raw int32
	// Winner is the index of the trigger that asks for most; if several ask for as many, of the first one. When a trigger with
	// Cap asks for less than that, it is the winner. When no trigger asks for replicas, the winner is the first step trigger
	// that is known to add nothing. Winner is -1 while no trigger that asks for replicas has a level, or a lower bound of one
	// (Event.AtLeast).
	Winner int
	// Known is true while the level of every trigger is known, except those of the inputs of a formula.
	Known bool
	// Active is true while at least one trigger is active (Proposal.Active), or the workload counts as active without one: because
	// of Policy.ForceActivation, or because no trigger signals activity.
	Active bool
	// FormulaErr is the error of the composite trigger's formula; nil when it gave a number or was not evaluated.
	FormulaErr error
	// Next is the first instant at which the answer may differ without a new event. At every earlier instant it is the same,
	// whether or not this answer has been written. Never when only an event can change it.
	Next Instant
	// Memory belongs into the next Input.
	Memory Memory

	// few has the proposals of a workload with up to fewTriggers triggers, and many those of any other: nearly all have few, and a process keeps
	// the decisions of thousands. many does not change after Decide, so copies share it.
	few      [fewTriggers]Proposal
	many     []Proposal
	triggers int
	steps    [maxSteps]Step
	nsteps   int
	details  details
}

// Steps returns the changes of the count, in the order in which the rules made them. The slice points into d.
func (d *Decision) Steps() []Step { return d.steps[:d.nsteps] }

// Proposals returns what each trigger asks for, in the order of Policy.Triggers. The slice points into d.
func (d *Decision) Proposals() []Proposal {
	if d.many != nil {
		return d.many
	}
	return d.few[:d.triggers]
}

// makeProposals makes room for the proposals of n triggers.
func (d *Decision) makeProposals(n int) {
	if d.triggers = n; n > fewTriggers {
		d.many = make([]Proposal, n)
	}
}

// proposal returns the proposal of trigger i.
func (d *Decision) proposal(i int) *Proposal {
	if d.many != nil {
		return &d.many[i]
	}
	return &d.few[i]
}

// LimitedBy returns the names of the rules, besides the formula, that changed the count: each once, in the order of the
// [Rule] constants. It is nil when there is none.
func (d *Decision) LimitedBy() []string {
	var changed [ruleCount]bool
	for _, s := range d.Steps() {
		changed[s.Rule] = true
	}
	var names []string
	for r := RuleFormula + 1; r < ruleCount; r++ {
		if changed[r] {
			names = append(names, r.String())
		}
	}
	return names
}

// Limit returns the last step, and true, when that step keeps the count from what the formula asks for. A tolerance does not
// limit: within it the count is what is asked for. Nor does an activation, or a limit that the formula started from.
func (d *Decision) Limit() (Step, bool) {
	if d.nsteps == 0 || d.Winner >= 0 && d.Replicas == d.Raw {
		return Step{}, false
	}
	last := d.steps[d.nsteps-1]
	switch last.Rule {
	case RuleFormula, RuleTolerance, RuleActivation:
		return Step{}, false
	default:
		return last, true
	}
}

// ActivityUnknown reports whether a trigger that signals activity is unknown. p is the policy of the decision.
func (d *Decision) ActivityUnknown(p *Policy) bool {
	for i := range min(d.triggers, len(p.Triggers)) {
		if p.Triggers[i].signalsActivity() && !d.proposal(i).Known {
			return true
		}
	}
	return false
}

// cancelled reports whether a later step leaves nothing of step i: it moves the count back, the same rule moves it to the
// same count again, or the count is what the formula asks for, whatever limit it started from.
func (d *Decision) cancelled(i int) bool {
	s := d.steps[i]
	if s.Rule == RuleFormula || s.Rule == RuleActivation {
		return false
	}
	atRaw := (s.Rule == RuleMin || s.Rule == RuleMax) && d.Winner >= 0 && d.Replicas == d.Raw
	return slices.ContainsFunc(d.steps[i+1:d.nsteps], func(later Step) bool {
		back := s.To > s.From && later.To <= s.From || s.To < s.From && later.To >= s.From
		again := later.Rule == s.Rule && later.To == s.To
		return back || again || atRaw && later.Rule == RuleFormula
	})
}
