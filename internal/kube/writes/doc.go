// Package writes decides which writes to the API server go first.
//
// Writes of counts, records of alerts, statuses and Events pass one Gate. Counts wait only for
// each other: Turns bounds how many are in flight. Statuses and Events wait
// while a more urgent write is in flight. When the API server pushes back, because it answers 429 or takes more than twice its usual time,
// Events give way first, then statuses, then records. Each keeps a small share, so that none of them waits for ever.
package writes
