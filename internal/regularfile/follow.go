package regularfile

import (
	"context"
	"log/slog"
	"time"
)

// FollowInterval is the time between two calls of Follow's reload.
const FollowInterval = time.Second

// Follow calls reload every FollowInterval until ctx is done. It polls, because a mounted Secret is a chain of symbolic links of
// which any may be switched. It logs each change, each new error and the end of an error, with name as the name of the files.
func Follow(ctx context.Context, name string, reload func() (changed bool, err error), log *slog.Logger) {
	tick := time.NewTicker(FollowInterval)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := reload()
		switch {
		case err == nil && (changed || last != ""):
			log.Info("files reloaded", "what", name)
			last = ""
		case err != nil && err.Error() != last:
			log.Warn("files not reloaded: their previous content stays in force", "what", name, "error", err)
			last = err.Error()
		}
	}
}
