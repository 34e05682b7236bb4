package actuator

import "time"

// The pause before the retry of a failed read begins at minRetry and doubles up to one of the others. A refused read is retried less
// often than a read without a response.
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
