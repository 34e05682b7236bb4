// Package app connects the parts of Impulse. It starts them in order, and stops them in the opposite order.
package app
