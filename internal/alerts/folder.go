package alerts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/statefile"
)

// Folder keeps the shards as files, for file mode: written whole, synced and renamed into place.
type Folder struct {
	dir string
	log *slog.Logger
	now func() time.Time

	mu sync.Mutex
	// seen holds the file of each shard as we saw it last; nil when there is none.
	seen [Shards]fs.FileInfo
}

// NewFolder returns a persister in a folder, which it makes.
func NewFolder(dir string, log *slog.Logger) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the alerts: %w", err)
	}
	if err := statefile.Tidy(dir); err != nil {
		return nil, fmt.Errorf("tidy the folder of the alerts: %w", err)
	}
	return &Folder{dir: dir, log: log, now: time.Now}, nil
}

// shardContent is what a file holds.
type shardContent struct {
	Alerts []v1alpha1.StoredAlert `json:"alerts"`
	AsOf   time.Time              `json:"asOf"`
	LostAt time.Time              `json:"lostAt"`
}

// Load reads one file. What was in one that is broken, and has been set aside, is lost, until it is written again.
func (f *Folder) Load(_ context.Context, shard int) (Shard, error) {
	path := f.path(shard)
	if alerts, ok := earlierVersion(path); ok {
		f.remember(shard)
		return Shard{Alerts: alerts}, nil
	}
	var c shardContent
	err := statefile.Load(path, &c)
	_, broken := errors.AsType[*statefile.BrokenError](err)
	switch {
	case err == nil:
		f.remember(shard)
		return Shard(c), nil
	case broken:
		f.log.Error("a file of alerts is lost: until they are repeated, others than those that are known may be firing", "error", err)
		return Shard{LostAt: f.now()}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Shard{}, fmt.Errorf("read the alerts: %w", err)
	}
	if _, err := os.Stat(path + ".broken"); err == nil { // It was set aside, and we crashed before another was written.
		return Shard{LostAt: f.now()}, nil
	}
	return Shard{}, nil
}

// earlierVersion reads a file of the form that an earlier version wrote.
func earlierVersion(path string) ([]v1alpha1.StoredAlert, bool) {
	var file struct {
		SHA256 string          `json:"sha256"`
		Alerts json.RawMessage `json:"alerts"`
	}
	raw, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(raw, &file) != nil || len(file.Alerts) == 0 {
		return nil, false
	}
	var alerts []v1alpha1.StoredAlert
	sum := sha256.Sum256(file.Alerts)
	ok := hex.EncodeToString(sum[:]) == file.SHA256 && json.Unmarshal(file.Alerts, &alerts) == nil
	return alerts, ok
}

// Save replaces one file.
func (f *Folder) Save(_ context.Context, shard int, content Shard) error {
	if err := statefile.Save(f.path(shard), shardContent(content)); err != nil {
		return fmt.Errorf("keep the alerts: %w", err)
	}
	f.remember(shard)
	return nil
}

// Check returns the shards whose files are gone or were written by somebody else.
func (f *Folder) Check(context.Context) ([]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var changed []int
	for i, was := range f.seen {
		if was == nil {
			continue
		}
		is, err := os.Stat(f.path(i))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("look for the alerts: %w", err)
		case os.SameFile(is, was):
			continue
		}
		changed = append(changed, i)
	}
	return changed, nil
}

func (f *Folder) remember(shard int) {
	info, err := os.Stat(f.path(shard))
	if err != nil {
		info = nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[shard] = info
}

func (f *Folder) path(shard int) string { return filepath.Join(f.dir, shardName(shard)+".json") }
