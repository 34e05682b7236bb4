// Package chart tests deploy/chart: what it renders from values, what it refuses, and that a real API server accepts the result.
package chart
