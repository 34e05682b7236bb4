// Package explain explains a count: why this number, until when, what comes next by itself, and what would change it. It knows no
// rule: every answer comes from scalers.Decide, with another instant or another level.
package explain
