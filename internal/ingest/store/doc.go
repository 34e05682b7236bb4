// Package store stores the alerts and levels that were delivered: each one once, by endpoint and fingerprint, however many objects
// select it. Watchers are notified of a change at once; the sender is answered when the change is durable.
//
// A stored record holds when an alert began, was resolved and was last seen. Whether it counts differs between watchers, by their ttl
// and late window, and changes at an exact time without a delivery.
//
// One mutex guards the parts, each of which is a type with its invariants:
//
//	record, expiryPolicy   what a delivery makes of a record, and how long the record counts (pure)
//	index                  which watchers select a record, and which records a query selects
//	accounts               what is stored of each sender and namespace, against its limits
//	expiryQueue            what changes without a delivery, and when
//	pendingWatchers        whom to notify of the current change
//	writer                 shards, made durable by group commit
package store
