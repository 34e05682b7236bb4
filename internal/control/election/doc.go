// Package election elects a leader with a Lease, so that there are never two writers, not even during a rolling update.
//
// The holder of the Lease leads until its renew deadline, which it counts by monotonic time from before it sent the last renewal,
// and therefore earlier than any other candidate does. No other candidate acquires the Lease for another 1.5 s. A write with a
// timeout within Deadline has ended by then.
package election
