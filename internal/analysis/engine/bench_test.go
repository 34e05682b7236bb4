package engine

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// BenchmarkTurns runs 10 000 readings of a level that rises and falls.
func BenchmarkTurns(b *testing.B) {
	runs := make([]Run, 100)
	for i := range runs {
		runs[i] = Run{First: scalers.Milli(i%10) * 1000, By: 100, Times: 100}
	}
	s := &Scenario{Policy: policy(), Start: start, Replicas: 1, Feeds: []Feed{Regular{Ticker: Ticker{Start: start, Interval: 10 * time.Second}, Series: NewSeries(runs...)}}}
	b.ReportAllocs()
	for b.Loop() {
		for range s.Turns(start.Add(10_000 * 10 * time.Second)) {
		}
	}
}
