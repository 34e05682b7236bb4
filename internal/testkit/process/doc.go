// Package process starts and stops real programs on this machine: the sandbox's control plane, and Impulse and its companions
// beside it. The demo, the benchmarks and the tests run programs through it.
package process
