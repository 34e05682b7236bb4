package actuator

import "time"

// The pause before the retry of a failed read begins at minRetry and doubles up to one of the others. A read that failed for a lasting
// reason is retried less often than one that failed for the moment.
const (
	minRetry          = 200 * time.Millisecond
	maxRetryTransient = 2 * time.Second
	maxRetryLasting   = 10 * time.Second
)

// maxRetry returns the longest pause after an error.
func maxRetry(err error) time.Duration {
	if lasting(err) {
		return maxRetryLasting
	}
	return maxRetryTransient
}
