// Package apiclient makes clients of Impulse's own API group.
package apiclient
