// Package testkit holds what the tests of every package share and what needs nothing but this process: waiting for a
// condition, free addresses, goroutines that end with the test. What needs the programs of the sandbox is in testkit/sandbox;
// what runs programs without a test is in testkit/process.
package testkit
