// Package sandbox gives tests the programs of deploy/sandbox: one API server for all tests, a control plane for a single test, and
// programs such as nats-server, Prometheus and Alertmanager. A test starts the programs that it needs for itself, on free loopback
// ports and in a folder of its own, so that it can stop, kill and restart them.
//
// At the unit level (`make test-unit`), a test that needs one of these programs is skipped. At every other level it fails if the program
// is missing.
package sandbox
