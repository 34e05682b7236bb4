// Package overview summarizes ScaledObjects, one row for each: the counts, what keeps the count from what the triggers ask for, and the state of
// the triggers. The rows are those of impulse get and impulse top.
package overview
