package writes

import "time"

const (
	// weight is the weight of a new duration in the moving average.
	weight = 1.0 / 8
	// window is the time after which the usual duration is measured anew; the one of the window before still counts.
	window = time.Minute
	// noise is how much slower than usual writes may be in any case.
	noise = 10 * time.Millisecond
	// enough is how many durations must be known before any counts as slow.
	enough = 16
)

// latency compares how long the writes of a class take with how long they usually take: the smallest moving average of the last two
// windows. An API server that stays slow is therefore usual after two windows.
type latency struct {
	recent            time.Duration
	smallest, earlier time.Duration
	began             time.Time
	known             int
}

// observe adds the duration of a write that ended at a time.
func (l *latency) observe(took time.Duration, now time.Time) {
	if l.known == 0 {
		l.recent, l.smallest, l.earlier, l.began = took, took, took, now
	}
	l.known++
	l.recent += time.Duration(weight * float64(took-l.recent))
	if now.Sub(l.began) >= window {
		l.earlier, l.smallest, l.began = l.smallest, l.recent, now
	}
	l.smallest = min(l.smallest, l.recent)
}

// slow reports whether writes take more than twice their usual time.
func (l *latency) slow() bool {
	usual := min(l.smallest, l.earlier)
	return l.known >= enough && l.recent > max(2*usual, usual+noise)
}
