package store

import "github.com/impulse-sh/impulse/api/v1alpha1"

const (
	// overhead bounds the size of a record without its endpoint, level, labels and annotations, in bytes.
	overhead = 600
	// levelOverhead bounds the field level without its key, in bytes.
	levelOverhead = 50
)

// sizeOf bounds the size of a record in JSON, in bytes.
func sizeOf(endpoint string, level *v1alpha1.LevelRecord, labels, annotations map[string]string) int {
	n := overhead + quotedLength(endpoint)
	if level != nil {
		n += quotedLength(level.Key) + levelOverhead
	}
	for _, set := range []map[string]string{labels, annotations} {
		for k, v := range set {
			n += quotedLength(k) + quotedLength(v) + 2
		}
	}
	return n
}

// quotedLength bounds the length of a string in JSON, in bytes.
func quotedLength(s string) int {
	n := len(s) + 2
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20, c == '<', c == '>', c == '&':
			n += 5
		case c == '"', c == '\\':
			n++
		case c >= 0x80:
			n += 2 // A line separator, or an invalid byte, becomes 6 bytes for 3 or fewer.
		}
	}
	return n
}
