package scalers

// Unknown says why a level is unknown. Unknown is not zero.
type Unknown uint8

// The reasons; None is that of a level that is known.
const (
	None Unknown = iota
	NotRead
	Failed
	Negative
	Stale
	NoReadyPods
	NoTarget
	NoPods
	NoRequest
	Misread
	Incomplete
	FormulaFailed
	// Uncertain is that of a level of which only the least is known.
	Uncertain
)

// String says the reason in words that follow the trigger's name.
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

// applyUnknown keeps the count while some trigger is unknown and the others ask for less: unknown may raise, never lower.
// A is the first unknown trigger's index, B why it is unknown.
func (c *chain) applyUnknown() {
	if c.holds() {
		c.step(Step{Rule: RuleUnknown, To: c.base, Until: Never, A: int64(c.culprit), B: int64(c.why())})
	}
}

// holds reports whether nothing is recommended because of what is unknown.
func (c *chain) holds() bool { return c.blind || c.unknown && c.demand < c.base }

// why is the reason of the first unknown trigger.
func (c *chain) why() Unknown {
	if c.culprit < 0 || c.culprit >= MaxTriggers {
		return None
	}
	return c.decision.proposals[c.culprit].Why
}
