// Package chaos exposes Impulse to random faults and checks its promises.
//
// A seed determines the plan: the objects, the changes that are attempted, and the faults with their times. Which process leads, and so
// which one some faults hit, depends on timing. The parts are real: three Alertmanagers in one cluster, nats-server, Prometheus, two or three
// `impulse run`, and an API server. The alerts that a recording proxy saw accepted, and the counts that a watch saw, are compared with
// the core's decisions for the same levels.
//
//	make chaos SEEDS=200 SEED=1
package chaos
