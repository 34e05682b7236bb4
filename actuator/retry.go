package actuator

import "time"

// The pause before a failed read is tried again begins at minRetry and doubles up to one of the others. An API server that refuses a
// read is asked less often than one that does not answer.
const (
	minRetry        = 200 * time.Millisecond
	maxRetryAway    = 2 * time.Second
	maxRetryRefused = 10 * time.Second
)

// maxRetry returns the longest pause after an error.
func maxRetry(err error) time.Duration {
	if lasting(err) {
		return maxRetryRefused
	}
	return maxRetryAway
}
