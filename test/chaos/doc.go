// Package chaos lets Impulse live through random misfortune and holds it to what it promises.
//
// A seed says everything: which objects there are, what is true when, and which part is killed, paused, cut off or slowed
// down at which moment. The parts are real: three Alertmanagers in one cluster, nats-server, Prometheus, two or three
// `impulse run`, and an API server. What a recording proxy saw accepted, and what a watch saw written, is held against the
// core's own answer for the same levels.
//
//	make chaos SEEDS=200 SEED=1
package chaos
