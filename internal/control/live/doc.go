// Package live has what the leader knows about each object at present and in the last hours: for the routes of /v1/scaledobjects and the page.
//
// The goroutine that owns a workload calls an entry after each step, which adds a point to the series of the object and counts a version up.
// Readers compare versions. A reader that needs more than the series copies the outcome of the owner, and renders that copy itself.
package live
