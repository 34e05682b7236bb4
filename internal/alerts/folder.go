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

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Folder keeps the shards as files, for file mode: written whole, synced and renamed into place.
type Folder struct {
	dir string
	log *slog.Logger
}

// NewFolder returns a persister in a folder, which it makes.
func NewFolder(dir string, log *slog.Logger) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the alerts: %w", err)
	}
	return &Folder{dir: dir, log: log}, nil
}

// shardFile is the form of a file.
type shardFile struct {
	SHA256 string          `json:"sha256"`
	Alerts json.RawMessage `json:"alerts"`
}

// Load reads one file. One that is torn is set aside and counts as empty, loudly.
func (f *Folder) Load(_ context.Context, shard int) ([]v1alpha1.StoredAlert, error) {
	path := f.path(shard)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the alerts: %w", err)
	}
	alerts, err := decodeFile(content)
	if err == nil {
		return alerts, nil
	}
	aside := path + ".broken"
	f.log.Error("a file of alerts is broken and was set aside: its alerts count again when they are repeated", "file", path, "aside", aside, "error", err)
	if err := os.Rename(path, aside); err != nil {
		return nil, fmt.Errorf("set a broken file of alerts aside: %w", err)
	}
	return nil, nil
}

func decodeFile(content []byte) ([]v1alpha1.StoredAlert, error) {
	var file shardFile
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if sum := sha256.Sum256(file.Alerts); hex.EncodeToString(sum[:]) != file.SHA256 {
		return nil, errors.New("the checksum does not match")
	}
	var alerts []v1alpha1.StoredAlert
	if err := json.Unmarshal(file.Alerts, &alerts); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return alerts, nil
}

// Save replaces one file.
func (f *Folder) Save(_ context.Context, shard int, alerts []v1alpha1.StoredAlert) error {
	raw, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("encode the alerts: %w", err)
	}
	sum := sha256.Sum256(raw)
	content, err := json.Marshal(shardFile{SHA256: hex.EncodeToString(sum[:]), Alerts: raw})
	if err != nil {
		return fmt.Errorf("encode the alerts: %w", err)
	}
	if err := replace(f.path(shard), content); err != nil {
		return fmt.Errorf("write the alerts: %w", err)
	}
	return nil
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
