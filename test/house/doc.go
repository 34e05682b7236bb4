// Package house holds the rules of this repository as tests.
package house
