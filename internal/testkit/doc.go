// Package testkit holds what the tests of every package share and what needs no program of the sandbox or of Debian: waiting for a
// condition, free addresses, the blocks of a page, and starting goroutines and programs that end with the test. What needs the programs
// of the sandbox is in testkit/sandbox, what needs a program of Debian in testkit/debian, and what runs programs without a test in
// testkit/process.
package testkit
