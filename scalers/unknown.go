package scalers

// Unknown is why a level is unknown. An unknown level is not zero.
type Unknown uint8

const (
	// None is the reason of a level that is known.
	None Unknown = iota
	// NotRead means that no reading has arrived since the start.
	NotRead
	// Failed means that the source could not be read (Event.Err).
	Failed
	// Negative means that the level, or the usage of a pod, is below zero.
	Negative
	// Stale means that the reading is older than Trigger.StaleAfter.
	Stale
	// NoReadyPods means that no pod was ready when the source was read, for metric type Value.
	NoReadyPods
	// NoTarget means that Trigger.Target is not above zero.
	NoTarget
	// NoPods means that no pod of a per-pod reading was measured.
	NoPods
	// NoRequest means that a pod does not request the resource, for metric type Utilization.
	NoRequest
	// Misread means that the event is per-pod and the trigger is not, or the reverse.
	Misread
	// Incomplete means that some input of the formula is unknown.
	Incomplete
	// FormulaFailed means that the formula gave no number (Decision.FormulaErr).
	FormulaFailed
	// Uncertain means that only a lower bound of the level is known (Event.AtLeast).
	Uncertain
)

// String returns the reason in words that follow the trigger's name.
func (u Unknown) String() string {
	switch u {
	case None:
		return "is known"
	case NotRead:
		return "has not been read yet"
	case Failed:
		return "is unknown"
	case Negative:
		return "is negative"
	case Stale:
		return "was read too long ago"
	case NoReadyPods:
		return "has no ready pod to be multiplied with"
	case NoTarget:
		return "has no target"
	case NoPods:
		return "has no pod to be measured"
	case NoRequest:
		return "has a pod without a request"
	case Misread:
		return "was not read as its metric type needs it"
	case Incomplete:
		return "has an input that is unknown"
	case FormulaFailed:
		return "has a formula that gives no number"
	case Uncertain:
		return "is not known for certain"
	default:
		return "is unknown"
	}
}

// unknownDetail explains a step of RuleUnknown.
type unknownDetail struct {
	// trigger is the index of the first unknown trigger.
	trigger int
}

// applyUnknown keeps the count while a trigger is unknown and the others ask for less: an unknown level may raise the
// count, never lower it.
func (c *chain) applyUnknown() {
	if c.blockedByUnknown() {
		c.decision.details.unknown = unknownDetail{trigger: c.unknowns.first}
		c.step(Step{Rule: RuleUnknown, To: c.count.base, Until: Never})
	}
}

// blockedByUnknown reports whether nothing is recommended because of an unknown level.
func (c *chain) blockedByUnknown() bool {
	return c.unknowns.all || c.unknowns.any && c.demand.replicas < c.count.base
}
