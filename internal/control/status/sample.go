package status

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// samples are those of one object.
type samples struct {
	object Object
	list   []sample
}

func (s *samples) add(desc *prometheus.Desc, labels []*dto.LabelPair, value float64) {
	s.list = append(s.list, sample{desc: desc, labels: labels, value: value})
}

// addFor adds a sample of the object with one more label.
func (s *samples) addFor(desc *prometheus.Desc, name, label string, value float64) {
	s.add(desc, labels("namespace", s.object.Namespace, "scaledobject", s.object.Name, name, label), value)
}

// sample is one value of a metric of an object. Samples with the same labels share them, because there are many.
type sample struct {
	desc    *prometheus.Desc
	labels  []*dto.LabelPair
	value   float64
	counter bool
}

// labels returns the labels of pairs, each a name and a value, ordered by name as the registry compares them.
func labels(pairs ...string) []*dto.LabelPair {
	all := make([]*dto.LabelPair, len(pairs)/2)
	for i := range all {
		all[i] = &dto.LabelPair{Name: &pairs[2*i], Value: &pairs[2*i+1]}
	}
	slices.SortFunc(all, func(a, b *dto.LabelPair) int { return strings.Compare(*a.Name, *b.Name) })
	return all
}

// Desc implements prometheus.Metric.
func (s *sample) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *sample) Write(to *dto.Metric) error {
	to.Label = s.labels
	if s.counter {
		to.Counter = &dto.Counter{Value: new(s.value)}
	} else {
		to.Gauge = &dto.Gauge{Value: new(s.value)}
	}
	return nil
}
