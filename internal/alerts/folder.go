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
	return &Folder{dir: dir, log: log, now: time.Now}, nil
}

// shardFile is the form of a file. An earlier version wrote Alerts alone.
type shardFile struct {
	SHA256 string          `json:"sha256"`
	Shard  json.RawMessage `json:"shard,omitempty"`
	Alerts json.RawMessage `json:"alerts,omitempty"`
}

// shardContent is what the checksum is of.
type shardContent struct {
	Alerts []v1alpha1.StoredAlert `json:"alerts"`
	AsOf   time.Time              `json:"asOf"`
	LostAt time.Time              `json:"lostAt"`
}

// Load reads one file. A copy of one that is torn is set aside; the file itself stays until it is written again, so that a
// crash in between cannot make it look as if it had never been there.
func (f *Folder) Load(_ context.Context, shard int) (Shard, error) {
	path := f.path(shard)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Shard{}, nil
	}
	if err != nil {
		return Shard{}, fmt.Errorf("read the alerts: %w", err)
	}
	f.remember(shard)
	loaded, err := decodeFile(content)
	if err == nil {
		return loaded, nil
	}
	aside := path + ".broken"
	f.log.Error("a file of alerts is broken and was set aside: until its alerts are repeated, others than those that are known may be firing",
		"file", path, "aside", aside, "error", err)
	if err := replace(aside, content); err != nil {
		f.log.Error("a broken file of alerts was not set aside", "file", path, "error", err)
	}
	return Shard{LostAt: f.now()}, nil
}

func decodeFile(content []byte) (Shard, error) {
	var file shardFile
	if err := json.Unmarshal(content, &file); err != nil {
		return Shard{}, fmt.Errorf("decode: %w", err)
	}
	summed := file.Shard
	if len(summed) == 0 {
		summed = file.Alerts
	}
	if sum := sha256.Sum256(summed); hex.EncodeToString(sum[:]) != file.SHA256 {
		return Shard{}, errors.New("the checksum does not match")
	}
	var c shardContent
	into := any(&c)
	if len(file.Shard) == 0 {
		into = &c.Alerts
	}
	if err := json.Unmarshal(summed, into); err != nil {
		return Shard{}, fmt.Errorf("decode: %w", err)
	}
	return Shard(c), nil
}

// Save replaces one file.
func (f *Folder) Save(_ context.Context, shard int, content Shard) error {
	raw, err := json.Marshal(shardContent(content))
	if err != nil {
		return fmt.Errorf("encode the alerts: %w", err)
	}
	sum := sha256.Sum256(raw)
	file, err := json.Marshal(shardFile{SHA256: hex.EncodeToString(sum[:]), Shard: raw})
	if err != nil {
		return fmt.Errorf("encode the alerts: %w", err)
	}
	if err := replace(f.path(shard), file); err != nil {
		return fmt.Errorf("write the alerts: %w", err)
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

// replace writes a file so that a crash leaves the old one or the new one.
func replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
