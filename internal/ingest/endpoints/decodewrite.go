package endpoints

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/impulse-sh/impulse/triggers"
)

// maxWrite bounds an uncompressed write request, in bytes. Prometheus writes at most 2000 samples at once, vmagent at most 8 MiB.
const maxWrite = 32 << 20

// maxLabels bounds the labels of one series, in bytes.
const maxLabels = 16 << 10

// write is a decoded write request.
type write struct {
	version2 bool
	series   []triggers.Series
	accepted Written
	// refused is the number of series with invalid labels, and invalid that of their samples and histograms. mistakes has the first errors.
	refused, invalid int
	mistakes         []error
}

// decodeWrite decodes the body of a write request as its headers say. A request without them is of version 1.0, as old senders mean it.
func decodeWrite(q *Request) (*write, error) {
	version2, err := checkFormat(q.Header.Get("Content-Type"), q.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, &RefusedError{ErrUnsupported, err.Error()}
	}
	body, err := unpack(q, version2)
	if err != nil {
		return nil, err
	}
	w := &write{version2: version2}
	if version2 {
		err = w.decode2(body)
	} else {
		err = w.decode1(body)
	}
	if err != nil {
		return nil, &RefusedError{ErrInvalid, "the body is not a write request: " + err.Error()}
	}
	return w, nil
}

// checkFormat reports whether a request is of version 2.0. Its error says what is not supported.
func checkFormat(contentType, encoding string) (version2 bool, err error) {
	if !strings.EqualFold(cmp.Or(encoding, "snappy"), "snappy") {
		return false, fmt.Errorf("the Content-Encoding %.40q is not supported: send snappy", encoding)
	}
	media, parameters, err := mime.ParseMediaType(cmp.Or(contentType, "application/x-protobuf"))
	if err != nil || media != "application/x-protobuf" {
		return false, fmt.Errorf("the Content-Type %.80q is not supported: send application/x-protobuf", contentType)
	}
	switch message := parameters["proto"]; message {
	case "", "prometheus.WriteRequest":
		return false, nil
	case "io.prometheus.write.v2.Request":
		return true, nil
	default:
		return false, fmt.Errorf("the message %.80q is not supported: send prometheus.WriteRequest or io.prometheus.write.v2.Request", message)
	}
}

// unpack decompresses a body, and reserves memory for it and for what it becomes when it is decoded.
func unpack(q *Request, version2 bool) ([]byte, error) {
	size, err := snappy.DecodedLen(q.Body)
	switch {
	case err != nil:
		return nil, &RefusedError{ErrInvalid, "the body is not compressed with snappy"}
	case size > maxWrite:
		return nil, &RefusedError{ErrTooLarge, fmt.Sprintf("the decompressed body is larger than %d bytes", maxWrite)}
	}
	if err := q.grow(int64(size)); err != nil {
		return nil, err
	}
	body, err := snappy.Decode(nil, q.Body)
	if err != nil {
		return nil, &RefusedError{ErrInvalid, "the body is not compressed with snappy"}
	}
	decoded, err := writeSize(body, version2)
	if err != nil {
		return nil, &RefusedError{ErrInvalid, "the body is not a write request: " + err.Error()}
	}
	return body, q.grow(decoded)
}

// grow calls Grow, if it is set.
func (q *Request) grow(bytes int64) error {
	if q.Grow == nil {
		return nil
	}
	return q.Grow(bytes)
}

// decode1 decodes a message of version 1.0. Metadata is ignored.
func (w *write) decode1(body []byte) error {
	var m prompb.WriteRequest
	if err := m.Unmarshal(body); err != nil {
		return err
	}
	for i := range m.Timeseries {
		from := &m.Timeseries[i]
		one := triggers.Series{Labels: make([]triggers.Label, len(from.Labels)), Histograms: len(from.Histograms)}
		for j := range from.Labels {
			one.Labels[j] = triggers.Label{Name: from.Labels[j].Name, Value: from.Labels[j].Value}
		}
		for _, s := range from.Samples {
			one.Samples = append(one.Samples, sampleOf(s.Timestamp, s.Value))
		}
		w.add(one, len(from.Exemplars), nil)
	}
	return nil
}

// decode2 decodes a message of version 2.0, whose labels refer to a table of symbols.
func (w *write) decode2(body []byte) error {
	var m writev2.Request
	if err := m.Unmarshal(body); err != nil {
		return err
	}
	for i := range m.Timeseries {
		from := &m.Timeseries[i]
		one := triggers.Series{Histograms: len(from.Histograms)}
		var mistake error
		one.Labels, mistake = labelsOf(from.LabelsRefs, m.Symbols)
		for _, s := range from.Samples {
			one.Samples = append(one.Samples, sampleOf(s.Timestamp, s.Value))
		}
		w.add(one, len(from.Exemplars), mistake)
	}
	return nil
}

// labelsOf looks up labels in a table of symbols.
func labelsOf(refs []uint32, symbols []string) ([]triggers.Label, error) {
	if len(refs)%2 != 0 {
		return nil, errors.New("a label has no value")
	}
	labels := make([]triggers.Label, len(refs)/2)
	for i := range labels {
		name, value := int(refs[2*i]), int(refs[2*i+1])
		if name >= len(symbols) || value >= len(symbols) {
			return nil, fmt.Errorf("a label refers to a symbol beyond the %d of the message", len(symbols))
		}
		labels[i] = triggers.Label{Name: symbols[name], Value: symbols[value]}
	}
	return labels, nil
}

func sampleOf(milliseconds int64, v float64) triggers.Sample {
	return triggers.Sample{At: time.UnixMilli(milliseconds), Value: v, Stale: value.IsStaleNaN(v)}
}

// add adds a series, or its mistake.
func (w *write) add(one triggers.Series, exemplars int, mistake error) {
	if mistake = cmp.Or(mistake, sortLabels(one.Labels)); mistake != nil {
		w.refused++
		w.invalid += len(one.Samples) + one.Histograms
		if len(w.mistakes) < maxReasons {
			w.mistakes = append(w.mistakes, mistake)
		}
		return
	}
	w.accepted.Samples += len(one.Samples)
	w.accepted.Histograms += one.Histograms
	w.accepted.Exemplars += exemplars
	if len(one.Samples)+one.Histograms > 0 {
		w.series = append(w.series, one)
	}
}

// sortLabels orders labels by name and checks them.
func sortLabels(labels []triggers.Label) error {
	slices.SortFunc(labels, func(a, b triggers.Label) int { return strings.Compare(a.Name, b.Name) })
	size, named := 0, false
	for i, l := range labels {
		size += len(l.Name) + len(l.Value)
		named = named || l.Name == triggers.MetricName && l.Value != ""
		switch {
		case l.Name == "":
			return errors.New("a label has no name")
		case !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value):
			return errors.New("a label is not valid UTF-8")
		case i > 0 && labels[i-1].Name == l.Name:
			return fmt.Errorf("the label %.63q occurs twice", l.Name)
		}
	}
	switch {
	case !named:
		return errors.New("a series has no name")
	case size > maxLabels:
		return fmt.Errorf("the labels of a series are %d bytes: at most %d are accepted", size, maxLabels)
	}
	return nil
}
