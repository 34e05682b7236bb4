package httpserver

import (
	"context"
	"log/slog"
	"time"
)

const (
	// lookEvery is how often files are looked at for changes.
	lookEvery = time.Second
	// maxFile bounds a file of credentials or certificates.
	maxFile = 1 << 20
)

// follow looks again and again, until ctx is done. A mounted Secret is a link that is switched: what counts is what it leads
// to. A change is said, and so is each new mistake and its end; what says which files these are.
func follow(ctx context.Context, what string, look func() (changed bool, err error), log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := look()
		switch {
		case err == nil && (changed || last != ""):
			log.Info("files taken up", "what", what)
			last = ""
		case err != nil && err.Error() != last:
			log.Warn("files not taken up: what they held before stays in force", "what", what, "error", err)
			last = err.Error()
		}
	}
}
