package scalers

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// memoryVersion begins the text form of a Memory. Variable-length integers in base64 follow: flags, the single times, then
// each list, with its length first and its times as differences. Failures and bases are left out when there are none.
//
// The text is below 4 KiB. Its longest has 64 entries in each list, a scale-down window of 68 years, which is the longest
// cooldown, a scale-up window and periods of a day, and 32 failures and bases of the same triggers.
const memoryVersion = "1."

// The flags of an encoded Memory.
const (
	flagSeen = 1 << iota
	flagContinuousActive
	flagHighLasts
	flagLowLasts
	flagFailures
	flagBases
	flagActive

	allFlags = 1<<iota - 1
)

// errMemory is returned for a text that is no Memory.
var errMemory = errors.New("malformed")

// MarshalText encodes m in at most 4 KiB. It returns an error for a Memory that Decide could not have made.
func (m Memory) MarshalText() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("encode memory: %w", err)
	}
	var flags uint64
	for _, f := range [...]struct {
		set bool
		bit uint64
	}{{m.Seen, flagSeen}, {m.ContinuousActive, flagContinuousActive}, {lasts(m.Highs), flagHighLasts}, {lasts(m.Lows), flagLowLasts}, {len(m.Failures) > 0, flagFailures}, {len(m.Bases) > 0, flagBases}, {m.Active, flagActive}} {
		if f.set {
			flags |= f.bit
		}
	}
	b := binary.AppendUvarint(nil, flags)
	b = binary.AppendVarint(b, int64(m.LastActive))
	b = binary.AppendUvarint(b, m.Readings)
	b = appendRecords(b, m.Highs)
	b = appendRecords(b, m.Lows)
	b = binary.AppendUvarint(b, uint64(len(m.Changes)))
	before := Instant(0)
	for _, c := range m.Changes {
		b = binary.AppendVarint(b, int64(c.At-before))
		b = binary.AppendVarint(b, int64(c.By))
		before = c.At
	}
	b = m.appendBases(appendFailures(b, m.Failures))
	return base64.RawURLEncoding.AppendEncode([]byte(memoryVersion), b), nil
}

// UnmarshalText decodes the output of MarshalText. On error it does not change m, and the caller begins with the zero Memory.
func (m *Memory) UnmarshalText(text []byte) error {
	if len(text) < len(memoryVersion) || string(text[:len(memoryVersion)]) != memoryVersion {
		return fmt.Errorf("decode memory: %w: not of version %s", errMemory, memoryVersion[:1])
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(text[len(memoryVersion):]))
	if err != nil {
		return fmt.Errorf("decode memory: %w", err)
	}
	d := decoder{rest: b}
	var out Memory
	flags := d.unsigned(allFlags)
	out.Seen, out.ContinuousActive, out.Active = flags&flagSeen != 0, flags&flagContinuousActive != 0, flags&flagActive != 0
	out.LastActive = Instant(d.signed())
	out.Readings = d.unsigned(math.MaxUint64)
	out.Highs = d.records(flags&flagHighLasts != 0)
	out.Lows = d.records(flags&flagLowLasts != 0)
	at := Instant(0)
	for range d.unsigned(maxEntries) {
		at += Instant(d.signed())
		out.Changes = append(out.Changes, Change{At: at, By: saturate(d.signed())})
	}
	if flags&flagFailures != 0 {
		out.Failures = d.failures()
	}
	if flags&flagBases != 0 {
		out.Bases = d.bases(out.Failures)
	}
	if d.failed || len(d.rest) > 0 {
		return fmt.Errorf("decode memory: %w", errMemory)
	}
	if err := out.check(); err != nil {
		return fmt.Errorf("decode memory: %w", err)
	}
	*m = out
	return nil
}

// appendFailures encodes the failures, if there are any.
func appendFailures(b []byte, failures []Failure) []byte {
	if len(failures) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(failures)))
	before := Instant(0)
	for _, f := range failures {
		b = binary.BigEndian.AppendUint32(b, f.Trigger)
		b = binary.AppendUvarint(b, uint64(f.Count))
		b = binary.AppendVarint(b, int64(f.At-before))
		before = f.At
	}
	return b
}

// appendBases encodes the bases, if there are any. A trigger that also fails is encoded as its position among the failures,
// counted from 1.
func (m Memory) appendBases(b []byte) []byte {
	if len(m.Bases) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(m.Bases)))
	for _, base := range m.Bases {
		i := slices.IndexFunc(m.Failures, func(f Failure) bool { return f.Trigger == base.Trigger })
		b = binary.AppendUvarint(b, uint64(i+1))
		if i < 0 {
			b = binary.BigEndian.AppendUint32(b, base.Trigger)
		}
		b = binary.AppendUvarint(b, uint64(base.Replicas))
	}
	return b
}

// check returns an error when a list is not in the order that the rules rely on.
func (m Memory) check() error {
	if len(m.Highs) > maxEntries || len(m.Lows) > maxEntries || len(m.Changes) > maxEntries {
		return fmt.Errorf("%w: more than %d entries", errMemory, maxEntries)
	}
	if !ordered(m.Highs, func(older, newer int32) bool { return older > newer }) {
		return fmt.Errorf("%w: highs do not fall", errMemory)
	}
	if !ordered(m.Lows, func(older, newer int32) bool { return older < newer }) {
		return fmt.Errorf("%w: lows do not rise", errMemory)
	}
	for i := 1; i < len(m.Changes); i++ {
		if m.Changes[i].At < m.Changes[i-1].At {
			return fmt.Errorf("%w: changes are not in order", errMemory)
		}
	}
	if len(m.Failures) > MaxTriggers || slices.ContainsFunc(m.Failures, func(f Failure) bool { return f.Count <= 0 }) {
		return fmt.Errorf("%w: failures without a count, or of too many triggers", errMemory)
	}
	if len(m.Bases) > MaxTriggers || slices.ContainsFunc(m.Bases, func(b Base) bool { return b.Replicas < 0 }) {
		return fmt.Errorf("%w: bases below zero, or of too many triggers", errMemory)
	}
	return nil
}

// ordered reports whether all records but the last have ended, ends rise, and counts are in the order of the list.
func ordered(records []Record, counts func(older, newer int32) bool) bool {
	for i, r := range records {
		if r.Count < 0 || i > 0 && (r.End < records[i-1].End || records[i-1].End == Never || !counts(records[i-1].Count, r.Count)) {
			return false
		}
	}
	return true
}

// lasts reports whether the last record has not ended.
func lasts(records []Record) bool { return len(records) > 0 && records[len(records)-1].End == Never }

// appendRecords encodes a list, without the end of a record that has not ended.
func appendRecords(b []byte, records []Record) []byte {
	b = binary.AppendUvarint(b, uint64(len(records)))
	before := Instant(0)
	for _, r := range records {
		if r.End == Never {
			r.End = before
		}
		b = binary.AppendVarint(b, int64(r.End-before))
		b = binary.AppendUvarint(b, uint64(r.Count))
		before = r.End
	}
	return b
}

// decoder reads integers. After the first mistake failed is true, and it reads zeros.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) unsigned(most uint64) uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > most {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) signed() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) records(lasts bool) []Record {
	var out []Record
	end := Instant(0)
	for range d.unsigned(maxEntries) {
		end += Instant(d.signed())
		out = append(out, Record{End: end, Count: int32(d.unsigned(math.MaxInt32))})
	}
	if n := len(out); lasts && n > 0 {
		out[n-1].End = Never
	}
	return out
}

func (d *decoder) failures() []Failure {
	n := d.unsigned(MaxTriggers)
	if n == 0 {
		d.failed = true
	}
	var out []Failure
	at := Instant(0)
	for range n {
		f := Failure{Trigger: d.fixed()}
		f.Count = int32(d.unsigned(math.MaxInt32))
		at += Instant(d.signed())
		f.At = at
		out = append(out, f)
	}
	return out
}

func (d *decoder) bases(failures []Failure) []Base {
	n := d.unsigned(MaxTriggers)
	if n == 0 {
		d.failed = true
	}
	var out []Base
	for range n {
		var base Base
		if i := d.unsigned(uint64(len(failures))); i > 0 {
			base.Trigger = failures[i-1].Trigger
		} else {
			base.Trigger = d.fixed()
		}
		base.Replicas = int32(d.unsigned(math.MaxInt32))
		out = append(out, base)
	}
	return out
}

func (d *decoder) fixed() uint32 {
	if len(d.rest) < 4 {
		d.failed, d.rest = true, nil
		return 0
	}
	n := binary.BigEndian.Uint32(d.rest)
	d.rest = d.rest[4:]
	return n
}
