// Package top is the screen of impulse top: ScaledObjects by urgency, and the explanation of one. A View is a state machine without a terminal,
// clock or goroutine: it gets objects, keys and a size, and returns frames of text.
package top
