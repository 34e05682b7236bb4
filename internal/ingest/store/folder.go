package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	// seen holds the file of each shard as we saw it last; those that have none are not in it.
	seen map[int]fs.FileInfo
}

// NewFolder returns a persister in a folder, which it makes.
func NewFolder(dir string, log *slog.Logger) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the alerts: %w", err)
	}
	if err := statefile.Tidy(dir); err != nil {
		return nil, fmt.Errorf("tidy the folder of the alerts: %w", err)
	}
	return &Folder{dir: dir, log: log, now: time.Now, seen: map[int]fs.FileInfo{}}, nil
}

// shardContent is what a file holds.
type shardContent struct {
	Alerts []v1alpha1.AlertRecord `json:"alerts"`
	AsOf   time.Time              `json:"asOf"`
	LostAt time.Time              `json:"lostAt"`
}

// Load reads files. What was in one that is broken, and has been set aside, is lost, until it is written again.
func (f *Folder) Load(_ context.Context, shards ...int) (map[int]Shard, error) {
	if len(shards) == 0 {
		all, err := f.all()
		if err != nil {
			return nil, err
		}
		shards = all
	}
	loaded := map[int]Shard{}
	for _, shard := range shards {
		one, there, err := f.load(shard)
		if err != nil {
			return nil, err
		}
		if there {
			loaded[shard] = one
		}
	}
	return loaded, nil
}

// all are the shards that have a file, or had one that was set aside.
func (f *Folder) all() ([]int, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("look for the alerts: %w", err)
	}
	there := map[int]struct{}{}
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), ".json")
		if shard, ok := shardNumber(name); ok {
			there[shard] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(there)), nil
}

func (f *Folder) load(shard int) (one Shard, there bool, err error) {
	path := f.path(shard)
	var c shardContent
	err = statefile.Load(path, &c)
	_, broken := errors.AsType[*statefile.BrokenError](err)
	switch {
	case err == nil:
		f.remember(shard)
		return Shard(c), true, nil
	case broken:
		f.log.Error("a file of alerts is lost: until they are repeated, others than those that are known may be firing", "error", err)
		return Shard{LostAt: f.now()}, true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Shard{}, false, fmt.Errorf("read the alerts: %w", err)
	}
	if _, err := os.Stat(path + ".broken"); err == nil { // It was set aside, and we crashed before another was written.
		return Shard{LostAt: f.now()}, true, nil
	}
	return Shard{}, false, nil
}

// ReadFolder returns the shards of a folder that another process keeps, and changes nothing. One that is being set aside is left out.
func ReadFolder(dir string) (map[int]Shard, error) {
	f := &Folder{dir: dir}
	numbers, err := f.all()
	if err != nil {
		return nil, err
	}
	shards := map[int]Shard{}
	for _, n := range numbers {
		var c shardContent
		switch err := statefile.Peek(f.path(n), &c); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("read the alerts: %w", err)
		default:
			shards[n] = Shard(c)
		}
	}
	return shards, nil
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
	all, err := f.all()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	there := map[int]struct{}{}
	for _, shard := range all {
		there[shard] = struct{}{}
	}
	for shard := range f.seen {
		there[shard] = struct{}{}
	}
	var changed []int
	for shard := range there {
		is, err := os.Stat(f.path(shard))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for the alerts: %w", err)
		}
		if was := f.seen[shard]; was == nil && err != nil || was != nil && err == nil && os.SameFile(is, was) {
			continue
		}
		changed = append(changed, shard)
	}
	return changed, nil
}

func (f *Folder) remember(shard int) {
	info, err := os.Stat(f.path(shard))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[shard] = info; err != nil {
		delete(f.seen, shard)
	}
}

func (f *Folder) path(shard int) string { return filepath.Join(f.dir, shardName(shard)+".json") }
