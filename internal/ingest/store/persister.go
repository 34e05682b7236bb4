package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Shard is the content of one shard.
type Shard struct {
	Alerts []v1alpha1.AlertRecord
	// AsOf is when it was written; zero means never.
	AsOf time.Time
	// LostAt is when earlier content was found to be unreadable; zero means never.
	LostAt time.Time
}

// Persister stores the shards, by their numbers from 0 on.
type Persister interface {
	// Load returns those of some shards that exist, or all. A shard that cannot be decoded is set aside and returned empty, with the present
	// time as LostAt; it is no error.
	Load(ctx context.Context, shards ...int) (map[int]Shard, error)
	// Save replaces a shard. The error wraps ErrConflict if the stored shard is not as it was last loaded or saved.
	Save(ctx context.Context, shard int, content Shard) error
	// Check returns the shards that are not as they were last loaded or saved, including those that are gone or that were never loaded.
	Check(ctx context.Context) ([]int, error)
}

// sort orders the records, so that equal content is equal text.
func (s *Shard) sort() {
	slices.SortFunc(s.Alerts, func(a, b v1alpha1.AlertRecord) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
}

// Turner is a Persister whose writes must wait for their turn. What changes while a write waits is part of it.
type Turner interface {
	// Turn waits until a write may begin, or ctx is done. The caller calls end once, with the error of the write.
	Turn(ctx context.Context) (end func(error))
}
