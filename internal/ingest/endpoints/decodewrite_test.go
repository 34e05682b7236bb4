package endpoints

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/impulse-sh/impulse/triggers"
)

func TestDecodeWrite(t *testing.T) {
	t.Run("the reserved memory is enough for what a message becomes", testReservedMemoryIsEnoughForWhatMessageBecomes)
	t.Run("a message is the same series in both versions", testMessageIsSameSeriesInBothVersions)
}

// message is a message of Prometheus that can be decoded and encoded.
type message interface {
	Marshal() ([]byte, error)
	Unmarshal(body []byte) error
}

// decodeBody decodes an uncompressed body. reserved is the memory that was reserved for it.
func decodeBody(compressed []byte, version2 bool) (w *write, reserved int64, err error) {
	format := "application/x-protobuf"
	if version2 {
		format += ";proto=io.prometheus.write.v2.Request"
	}
	w, err = decodeWrite(&Request{
		Header: http.Header{"Content-Type": {format}}, Body: compressed,
		Grow: func(n int64) error { reserved += n; return nil },
	})
	return w, reserved, err
}

// newMessage returns an empty message.
func newMessage(version2 bool) message {
	if version2 {
		return &writev2.Request{}
	}
	return &prompb.WriteRequest{}
}

// memoryOf returns the memory that a value refers to, in bytes. Strings count if withStrings is true.
func memoryOf(v reflect.Value, withStrings bool) (size int64) {
	switch v.Kind() { //nolint:exhaustive // The others refer to no memory.
	case reflect.String:
		if withStrings {
			const smallest = 8
			size = (int64(v.Len()) + smallest - 1) / smallest * smallest
		}
	case reflect.Slice:
		size = int64(v.Cap()) * int64(v.Type().Elem().Size())
		if v.Type().Elem().Kind() <= reflect.Float64 {
			return size
		}
		for i := range v.Len() {
			size += memoryOf(v.Index(i), withStrings)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return 0
		}
		for i := range v.NumField() {
			size += memoryOf(v.Field(i), withStrings)
		}
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			size = int64(v.Elem().Type().Size()) + memoryOf(v.Elem(), withStrings)
		}
	}
	return size
}

// memoryOfBody returns the memory of a body, of its message and of the series of the message, which share its strings. w may be nil.
func memoryOfBody(body []byte, version2 bool, w *write) int64 {
	m := newMessage(version2)
	_ = m.Unmarshal(body) // What was decoded before a mistake takes memory, too.
	size := int64(len(body)) + memoryOf(reflect.ValueOf(m), true)
	if w != nil {
		size += memoryOf(reflect.ValueOf(w.series), false)
	}
	return size
}

// field is a field of the type bytes; field(n) is an empty one.
func field(number protowire.Number, content ...byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

// one is a field with a number, which is 1.
func one(number protowire.Number) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1)
}

func testReservedMemoryIsEnoughForWhatMessageBecomes(t *testing.T) {
	const n = 50_000
	many := func(part []byte) []byte { return bytes.Repeat(part, n) }
	const series1, series2, unknown = 1, 5, 15
	metric := []byte("__name__")
	name1 := field(1, slices.Concat(field(1, metric...), field(2, 'a'))...)
	symbols2, name2 := slices.Concat(field(4), field(4, metric...), field(4, 'a')), field(1, 1, 2)
	for name, c := range map[string]struct {
		version2 bool
		body     []byte
	}{
		"1.0, series":                    {false, many(field(series1))},
		"1.0, series of one sample":      {false, many(field(series1, slices.Concat(name1, field(2))...))},
		"1.0, series of one label":       {false, many(field(series1, field(1)...))},
		"1.0, labels":                    {false, field(series1, many(field(1))...)},
		"1.0, labels of one byte":        {false, field(series1, many(field(1, field(1, 'a')...))...)},
		"1.0, unknown in labels":         {false, field(series1, many(field(1, one(unknown)...))...)},
		"1.0, samples":                   {false, field(series1, slices.Concat(name1, many(field(2)))...)},
		"1.0, exemplars":                 {false, field(series1, many(field(3))...)},
		"1.0, labels of an exemplar":     {false, field(series1, field(3, many(field(1))...)...)},
		"1.0, histograms":                {false, field(series1, slices.Concat(name1, many(field(4)))...)},
		"1.0, spans of a histogram":      {false, field(series1, field(4, many(field(8))...)...)},
		"1.0, deltas of a histogram":     {false, field(series1, field(4, many(one(9))...)...)},
		"1.0, packed deltas":             {false, field(series1, field(4, field(9, make([]byte, n)...)...)...)},
		"1.0, metadata":                  {false, many(field(3))},
		"1.0, unknown":                   {false, many(one(unknown))},
		"1.0, unknown in a series":       {false, field(series1, many(one(unknown))...)},
		"2.0, symbols":                   {true, many(field(4))},
		"2.0, symbols of one byte":       {true, many(field(4, 'a'))},
		"2.0, series":                    {true, many(field(series2))},
		"2.0, series of one sample":      {true, slices.Concat(symbols2, many(field(series2, append(name2, field(2)...)...)))},
		"2.0, packed references":         {true, slices.Concat(symbols2, field(series2, field(1, make([]byte, 2*n)...)...))},
		"2.0, references":                {true, slices.Concat(symbols2, field(series2, many(one(1))...))},
		"2.0, series of references":      {true, slices.Concat(symbols2, many(field(series2, slices.Concat(one(1), one(1))...)))},
		"2.0, samples":                   {true, slices.Concat(symbols2, field(series2, append(name2, many(field(2))...)...))},
		"2.0, histograms":                {true, slices.Concat(symbols2, field(series2, append(name2, many(field(3))...)...))},
		"2.0, exemplars":                 {true, field(series2, many(field(4))...)},
		"2.0, references in an exemplar": {true, field(series2, field(4, many(one(1))...)...)},
		"2.0, metadata":                  {true, field(series2, many(field(5))...)},
		"2.0, unknown":                   {true, many(one(unknown))},
	} {
		t.Run(name, func(t *testing.T) {
			w, reserved, err := decodeBody(snappy.Encode(nil, c.body), c.version2)
			if err != nil {
				t.Fatalf("the message was refused: %v", err)
			}
			if used := memoryOfBody(c.body, c.version2, w); used > reserved {
				t.Errorf("%d bytes were reserved for a message of %d; want at least %d", reserved, len(c.body), used)
			}
		})
	}
}

// randomRequest returns a request with labels in any order, some of them invalid.
func randomRequest(r *rand.Rand) *prompb.WriteRequest {
	m := &prompb.WriteRequest{}
	text := func() string { return []string{"", "__name__", "hits", "job", "é", "a\x00", "\xff"}[r.IntN(7)] }
	for range r.IntN(4) {
		s := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: "m" + strconv.Itoa(r.IntN(3))}}}
		for range r.IntN(3) {
			s.Labels = append(s.Labels, prompb.Label{Name: text(), Value: text()})
		}
		for range r.IntN(3) {
			s.Samples = append(s.Samples, prompb.Sample{Value: r.NormFloat64(), Timestamp: r.Int64N(1e13)})
		}
		for range r.IntN(2) {
			s.Histograms = append(s.Histograms, prompb.Histogram{Sum: r.Float64()})
		}
		for range r.IntN(2) {
			s.Exemplars = append(s.Exemplars, prompb.Exemplar{Value: r.Float64()})
		}
		m.Timeseries = append(m.Timeseries, s)
	}
	return m
}

// version2Of returns a request in version 2.0.
func version2Of(m *prompb.WriteRequest) *writev2.Request {
	symbols := writev2.NewSymbolTable()
	converted := &writev2.Request{}
	for _, from := range m.Timeseries {
		s := writev2.TimeSeries{}
		for _, l := range from.Labels {
			s.LabelsRefs = append(s.LabelsRefs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
		}
		for _, sample := range from.Samples {
			s.Samples = append(s.Samples, writev2.Sample{Value: sample.Value, Timestamp: sample.Timestamp})
		}
		for range from.Histograms {
			s.Histograms = append(s.Histograms, writev2.Histogram{})
		}
		for range from.Exemplars {
			s.Exemplars = append(s.Exemplars, writev2.Exemplar{})
		}
		converted.Timeseries = append(converted.Timeseries, s)
	}
	converted.Symbols = symbols.Symbols()
	return converted
}

// decodeMessage encodes a message and decodes it as a sender's.
func decodeMessage(tb testing.TB, m message, version2 bool) *write {
	tb.Helper()
	body, err := m.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	w, _, err := decodeBody(snappy.Encode(nil, body), version2)
	if err != nil {
		tb.Fatalf("decode %x: %v", body, err)
	}
	return w
}

func testMessageIsSameSeriesInBothVersions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		m := randomRequest(r)
		first, second := decodeMessage(t, m, false), decodeMessage(t, version2Of(m), true)
		got := fmt.Sprint(second.series, second.accepted, second.refused, second.invalid, second.mistakes)
		if want := fmt.Sprint(first.series, first.accepted, first.refused, first.invalid, first.mistakes); got != want {
			t.Fatalf("version 2.0 of %v is %s, want %s as version 1.0", m, got, want)
		}
	}
}

// FuzzDecodeWrite: each body is refused, or is series with valid labels for which the reserved memory is enough.
func FuzzDecodeWrite(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		m := randomRequest(r)
		for version2, encoded := range map[bool]message{false: m, true: version2Of(m)} {
			body, err := encoded.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body, version2, true)
			f.Add(snappy.Encode(nil, body), version2, false)
			f.Add(body[:len(body)/2], version2, true)
		}
	}
	f.Add(field(5, slices.Concat(one(1), one(1))...), true, true)
	f.Fuzz(func(t *testing.T, body []byte, version2, compress bool) {
		compressed := body
		if compress {
			compressed = snappy.Encode(nil, body)
		}
		w, reserved, err := decodeBody(compressed, version2)
		if err != nil {
			if _, refused := errors.AsType[*RefusedError](err); !refused {
				t.Fatalf("got error %v, want that the message is refused", err)
			}
			return
		}
		if body, err = snappy.Decode(nil, compressed); err != nil {
			t.Fatalf("a message was accepted that cannot be decompressed: %v", err)
		}
		const slack = 1 << 10 // The first elements of slices take more than their share.
		if used := memoryOfBody(body, version2, w); used > reserved+slack {
			t.Errorf("%d bytes were reserved; want at least %d", reserved, used)
		}
		checkWrite(t, w)
	})
}

// checkWrite checks that the numbers of a decoded message match its series, and that their labels are valid.
func checkWrite(t *testing.T, w *write) {
	t.Helper()
	samples, histograms := 0, 0
	for _, s := range w.series {
		samples, histograms = samples+len(s.Samples), histograms+s.Histograms
		if s.Label(triggers.MetricName) == "" || len(s.Samples)+s.Histograms == 0 {
			t.Errorf("got the series %v, want one with a name and a sample", s)
		}
		size := 0
		for i, l := range s.Labels {
			size += len(l.Name) + len(l.Value)
			if l.Name == "" || !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value) || i > 0 && s.Labels[i-1].Name >= l.Name {
				t.Errorf("got the labels %q, want valid ones that are ordered by name", s.Labels)
			}
		}
		if size > maxLabels {
			t.Errorf("got labels of %d bytes, want at most %d", size, maxLabels)
		}
	}
	if w.accepted.Samples != samples || w.accepted.Histograms != histograms {
		t.Errorf("%+v is counted as accepted, want %d samples and %d histograms", w.accepted, samples, histograms)
	}
	if (w.refused > 0) != (len(w.mistakes) > 0) || len(w.mistakes) > maxReasons {
		t.Errorf("%d series were refused for %d reasons", w.refused, len(w.mistakes))
	}
}
