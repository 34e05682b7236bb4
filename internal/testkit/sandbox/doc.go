// Package sandbox gives tests the real parts of deploy/sandbox: an API server that they share, control planes of their own, and
// programs such as nats-server, Prometheus and Alertmanager. A test starts the programs that it needs for itself, on free
// loopback ports and in a folder of its own, so that it can stop, kill and restart them.
//
// A test that asks for a part is skipped at the unit level (`make test-unit`), and fails at every other level when the part is
// missing.
package sandbox
