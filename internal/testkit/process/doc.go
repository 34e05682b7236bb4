// Package process starts and stops real programs on this machine: the sandbox's control plane, Impulse, and the programs that
// work with them. The demo, the benchmarks and the tests run programs through it.
package process
