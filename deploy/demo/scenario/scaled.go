package scenario

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// scaleLine is the line that Impulse logs for each change of replicas.
type scaleLine struct {
	Time    time.Time `json:"time"`
	Message string    `json:"msg"`
	Object  string    `json:"object"`
	From    int32     `json:"from"`
	To      int32     `json:"to"`
	Why     string    `json:"why"`
	// Latency is the time from the event to the end of the write, in milliseconds; absent when no event caused it.
	Latency *float64 `json:"latencyMs"`
}

// follow reads the log of Impulse as it grows and calls f with each change of replicas, until ctx is done.
func follow(ctx context.Context, path string, f func(scaleLine)) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read impulse's log: %w", err)
	}
	defer file.Close()
	reader, partial := bufio.NewReader(file), []byte(nil)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		line, err := reader.ReadBytes('\n')
		partial = append(partial, line...)
		if err == nil {
			var s scaleLine
			if json.Unmarshal(partial, &s) == nil && s.Message == "scaled" {
				f(s)
			}
			partial = partial[:0]
			continue
		}
		if !errors.Is(err, io.EOF) {
			return fmt.Errorf("read impulse's log: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
