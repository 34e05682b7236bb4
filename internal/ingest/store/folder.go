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

// Folder stores the shards as files, for file mode: each is written whole, synced and renamed into place.
type Folder struct {
	dir string
	log *slog.Logger
	now func() time.Time

	mu sync.Mutex
	// known has the file of each shard as it was last read or written; a shard without a file is not in it.
	known map[int]fs.FileInfo
}

// NewFolder returns a persister in a folder, which it creates if necessary.
func NewFolder(dir string, log *slog.Logger) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the alerts: %w", err)
	}
	if err := statefile.RemovePartial(dir); err != nil {
		return nil, fmt.Errorf("clean up the folder of the alerts: %w", err)
	}
	return &Folder{dir: dir, log: log, now: time.Now, known: map[int]fs.FileInfo{}}, nil
}

// shardContent is the content of a file.
type shardContent struct {
	Alerts []v1alpha1.AlertRecord `json:"alerts"`
	AsOf   time.Time              `json:"asOf"`
	LostAt time.Time              `json:"lostAt"`
}

// Load reads files. A broken file is set aside, and its content counts as lost until the shard is written again.
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
		one, exists, err := f.load(shard)
		if err != nil {
			return nil, err
		}
		if exists {
			loaded[shard] = one
		}
	}
	return loaded, nil
}

// all returns the shards that have a file, or a file that was set aside.
func (f *Folder) all() ([]int, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("list the files of alerts: %w", err)
	}
	found := map[int]struct{}{}
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), ".json")
		if shard, ok := shardNumber(name); ok {
			found[shard] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func (f *Folder) load(shard int) (one Shard, exists bool, err error) {
	path := f.path(shard)
	var c shardContent
	err = statefile.Load(path, &c)
	_, broken := errors.AsType[*statefile.BrokenError](err)
	switch {
	case err == nil:
		f.remember(shard)
		return Shard(c), true, nil
	case broken:
		f.log.Error("a file of alerts is unreadable: until its alerts are repeated, unknown alerts may be firing", "error", err)
		return Shard{LostAt: f.now()}, true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Shard{}, false, fmt.Errorf("read the alerts: %w", err)
	}
	if _, err := os.Stat(path + ".broken"); err == nil { // It was set aside, and the process crashed before another was written.
		return Shard{LostAt: f.now()}, true, nil
	}
	return Shard{}, false, nil
}

// ReadFolder reads the shards in a folder that another process writes, and changes nothing. A file that is being set aside is omitted.
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
		return fmt.Errorf("write the alerts: %w", err)
	}
	f.remember(shard)
	return nil
}

// Check returns the shards whose files are gone or were written by another process.
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
	for shard := range f.known {
		there[shard] = struct{}{}
	}
	var changed []int
	for shard := range there {
		is, err := os.Stat(f.path(shard))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list the files of alerts: %w", err)
		}
		if was := f.known[shard]; was == nil && err != nil || was != nil && err == nil && os.SameFile(is, was) {
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
	if f.known[shard] = info; err != nil {
		delete(f.known, shard)
	}
}

func (f *Folder) path(shard int) string { return filepath.Join(f.dir, shardName(shard)+".json") }
