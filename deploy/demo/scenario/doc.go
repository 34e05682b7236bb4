// Package scenario is what the demo shows: five Deployments that follow an alert, a query, a queue, a schedule and the usage of their pods, with
// the servers and the loads that they follow, on a control plane of its own. The end-to-end tests run it under an Impulse that they have
// installed.
package scenario
