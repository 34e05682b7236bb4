package workqueue_test

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
)

// BenchmarkWake compares the time from a wake until the function has run and answered: as an item, and as a goroutine that receives from a
// channel.
func BenchmarkWake(b *testing.B) {
	b.Run("item", func(b *testing.B) {
		ran := make(chan struct{})
		item := workqueue.New(4).NewItem(func() { ran <- struct{}{} })
		b.ReportAllocs()
		for b.Loop() {
			item.Wake()
			<-ran
		}
		item.Stop()
	})
	b.Run("goroutine", func(b *testing.B) {
		wake, ran := make(chan struct{}, 1), make(chan struct{})
		go func() {
			for range wake {
				ran <- struct{}{}
			}
		}()
		b.ReportAllocs()
		for b.Loop() {
			wake <- struct{}{}
			<-ran
		}
		close(wake)
	})
}

// BenchmarkDeadline moves the deadline of one among ten thousand items.
func BenchmarkDeadline(b *testing.B) {
	q := workqueue.New(4)
	items := make([]*workqueue.Item, 10_000)
	for i := range items {
		items[i] = q.NewItem(func() {})
		items[i].WakeAfter(time.Hour + time.Duration(i)*time.Second)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		items[n*7919%len(items)].WakeAfter(time.Hour + time.Duration(n*104729%10_000)*time.Second)
	}
	for _, item := range items {
		item.Stop()
	}
}
