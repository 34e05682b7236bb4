package scalers

import (
	"encoding/json"
	"fmt"
)

// memoryVersion is that of the text form below.
const memoryVersion = 1

// memoryText is the stable text form of a Memory: times in nanoseconds since the epoch, 0 for a record that stands.
type memoryText struct {
	Version      int        `json:"v"`
	Records      [][3]int64 `json:"records,omitempty"`
	Changes      [][2]int64 `json:"changes,omitempty"`
	LastActive   int64      `json:"lastActive,omitempty"`
	ActiveStands bool       `json:"activeStands,omitempty"`
	Read         int64      `json:"read,omitempty"`
	Seen         bool       `json:"seen,omitempty"`
}

// MarshalText encodes m in at most 4 KiB.
func (m Memory) MarshalText() ([]byte, error) {
	t := memoryText{
		Version: memoryVersion, LastActive: int64(m.LastActive), ActiveStands: m.ActiveStands, Read: int64(m.Read), Seen: m.Seen,
	}
	for _, r := range m.Records {
		to := int64(r.To)
		if r.To == Never {
			to = 0
		}
		t.Records = append(t.Records, [3]int64{to, int64(r.Low), int64(r.High)})
	}
	for _, c := range m.Changes {
		t.Changes = append(t.Changes, [2]int64{int64(c.At), int64(c.By)})
	}
	return json.Marshal(t)
}

// UnmarshalText decodes what MarshalText wrote. On error m is left as it was.
func (m *Memory) UnmarshalText(text []byte) error {
	var t memoryText
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("decode memory: %w", err)
	}
	if t.Version != memoryVersion {
		return fmt.Errorf("decode memory: version %d, expected %d", t.Version, memoryVersion)
	}
	if len(t.Records) > maxEntries || len(t.Changes) > maxEntries {
		return fmt.Errorf("decode memory: %d records and %d changes, expected at most %d", len(t.Records), len(t.Changes), maxEntries)
	}
	out := Memory{LastActive: Instant(t.LastActive), ActiveStands: t.ActiveStands, Read: Instant(t.Read), Seen: t.Seen}
	for _, r := range t.Records {
		to := Instant(r[0])
		if r[0] == 0 {
			to = Never
		}
		out.Records = append(out.Records, Record{To: to, Low: clampCount(r[1]), High: clampCount(r[2])})
	}
	for _, c := range t.Changes {
		out.Changes = append(out.Changes, Change{At: Instant(c[0]), By: int32(min(max(c[1], -1<<31), 1<<31-1))})
	}
	*m = out
	return nil
}

// clampCount returns n as a count.
func clampCount(n int64) int32 { return int32(min(max(n, 0), 1<<31-1)) }
