package store

import (
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// NewLevel returns a level as it is recorded; value is in thousandths.
func NewLevel(key string, value scalers.Milli) *v1alpha1.LevelRecord {
	milli := int64(value)
	return &v1alpha1.LevelRecord{Key: key, MilliValue: &milli}
}

// level returns the level of a record, with On set; nil for an alert, and for a record without a value.
func (r *record) level() *triggers.Level {
	if r.Level == nil || r.Level.MilliValue == nil {
		return nil
	}
	return &triggers.Level{Key: r.Level.Key, Value: scalers.Milli(*r.Level.MilliValue), On: true, At: r.StartsAt.Time}
}

// equalLevels reports whether two levels have the same key and value.
func equalLevels(a, b *v1alpha1.LevelRecord) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.MilliValue == nil || b.MilliValue == nil {
		return a.Key == b.Key && a.MilliValue == b.MilliValue
	}
	return a.Key == b.Key && *a.MilliValue == *b.MilliValue
}
