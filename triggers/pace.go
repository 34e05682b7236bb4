package triggers

import "time"

const (
	// firstReadings is how many first readings of a server may be in progress at the same time before it has answered any.
	firstReadings = 8
	// maxPendingStart and maxNewStart limit how much earlier the first reading of a group counts as due than it is.
	maxPendingStart = 10 * time.Second
	maxNewStart     = 5 * time.Second
	// newAge is the age at which an object has half of maxNewStart.
	newAge = time.Minute
)

// pace limits the first readings of one server that are in progress at the same time, so that a start of thousands of objects reads no
// faster than the server answers. As in the slow start of TCP, each answer makes room for one more, while answers take as long as at first.
// Readings that are slow halve the limit.
type pace struct {
	inProgress, limit int
	// least is the shortest time that an answer took.
	least time.Duration
	// ignored is how many readings, which had begun before the limit was halved, do not change it.
	ignored int
}

// full reports whether there is no room for one more reading of a namespace that uses some slots at the server. Some room is reserved for
// those that use few.
func (p *pace) full(used int) bool {
	reserved := max(p.limit/reservedFraction, 1)
	return p.inProgress >= p.limit || p.inProgress >= p.limit-reserved && used >= reserved
}

// answered makes room for one more reading if an answer took at most twice as long as the fastest one.
func (p *pace) answered(took time.Duration) {
	const jitter = 20 * time.Millisecond
	if p.ignored > 0 {
		p.ignored--
		return
	}
	if p.least == 0 || took < p.least {
		p.least = max(took, 1)
	}
	if took <= 2*p.least+jitter {
		p.limit++
	}
}

// slow halves the limit.
func (p *pace) slow() {
	if p.ignored > 0 {
		p.ignored--
		return
	}
	p.limit, p.ignored = max(p.limit/2, firstReadings/2), p.inProgress-1
}

// isPaced reports whether a flow of first readings has to wait for answers of its server. The only flow of a namespace there does not once
// it has waited for a fifth of its interval, so that those of other namespaces cannot delay it for long.
func (f *flow) isPaced(waited bool) bool {
	used := f.shares[scopeNamespaceAtServer].used
	return f.key.speed == unmeasured && f.shares[scopeServer].pace.full(used) && (!waited || used > 0)
}

// headStart returns by how much the first reading for a trigger counts as due earlier, for the order in which those that wait are read:
// first the objects that may have to leave the idle count, then the newest. It is limited, so that no reading waits for ever.
func headStart(env *Env, now time.Time) time.Duration {
	var start time.Duration
	if env.Pending {
		start = maxPendingStart
	}
	if !env.Created.IsZero() {
		age := max(now.Sub(env.Created), 0)
		start += time.Duration(float64(maxNewStart) * newAge.Seconds() / (newAge + age).Seconds())
	}
	return start
}
