// Package triggertest is the test suite that every trigger kind passes. [Conform] runs it on a real source. It checks the contract of
// package triggers: decoding, no I/O before Run, levels, failures, recovery, goroutines, secrets in errors, and the README of the kind.
package triggertest
