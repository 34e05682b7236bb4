package status

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// family is a metric of objects or of triggers. value returns the value of one of them, and false if it has no sample.
type family[T any] struct {
	name, help string
	counter    bool
	value      func(*T) (float64, bool)
}

func (f *family[T]) desc(labels []string) *prometheus.Desc {
	return prometheus.NewDesc(f.name, f.help, labels, nil)
}

// header returns the family without samples.
func (f *family[T]) header() *dto.MetricFamily {
	kind := dto.MetricType_GAUGE
	if f.counter {
		kind = dto.MetricType_COUNTER
	}
	return &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &kind}
}

// buffer has the samples of one family. The next family uses its memory again.
type buffer struct {
	metrics  []dto.Metric
	gauges   []dto.Gauge
	counters []dto.Counter
	values   []float64
	list     []*dto.Metric
}

// reset removes all samples, and makes room for n.
func (b *buffer) reset(n int) {
	if n > len(b.metrics) {
		b.metrics, b.gauges, b.values, b.list = make([]dto.Metric, n), make([]dto.Gauge, n), make([]float64, n), make([]*dto.Metric, 0, n)
	}
	b.list = b.list[:0]
}

// add adds a sample.
func (b *buffer) add(labels []*dto.LabelPair, value float64) {
	i := len(b.list)
	b.values[i] = value
	b.metrics[i].Label = labels
	b.list = append(b.list, &b.metrics[i])
}

// encode encodes the samples as those of a family, unless there are none.
func (b *buffer) encode(family *dto.MetricFamily, encode func(*dto.MetricFamily) error) error {
	if len(b.list) == 0 {
		return nil
	}
	counts := family.GetType() == dto.MetricType_COUNTER
	if counts && len(b.counters) < len(b.list) {
		b.counters = make([]dto.Counter, len(b.list))
	}
	for i, m := range b.list {
		if counts {
			b.counters[i].Value, m.Counter, m.Gauge = &b.values[i], &b.counters[i], nil
		} else {
			b.gauges[i].Value, m.Counter, m.Gauge = &b.values[i], nil, &b.gauges[i]
		}
	}
	family.Metric = b.list
	if err := encode(family); err != nil {
		return fmt.Errorf("encode %s: %w", family.GetName(), err)
	}
	return nil
}

// The names of labels.
var namespaceLabel, objectLabel, triggerLabel, typeLabel, ruleLabel, conditionLabel = "namespace", "scaledobject", "trigger", "type", "rule", "condition"

// rowLabels are the labels of all objects and triggers. All samples of one share them.
type rowLabels struct {
	objects, triggers []*dto.LabelPair
	// kinds has the label of each type of condition.
	kinds map[string]*dto.LabelPair
}

const labelsOfObject, labelsOfTrigger, labelsOfCondition = 2, 4, 3

// labelsOf returns the labels of rows, each row's ordered by name.
func labelsOf(all *rows) *rowLabels {
	l := &rowLabels{
		objects:  make([]*dto.LabelPair, 0, labelsOfObject*len(all.objects)),
		triggers: make([]*dto.LabelPair, 0, labelsOfTrigger*len(all.triggers)),
		kinds:    map[string]*dto.LabelPair{},
	}
	pairs := make([]dto.LabelPair, 2*len(all.objects)+2*len(all.triggers))
	next := func(name, value *string) *dto.LabelPair {
		p := &pairs[0]
		pairs = pairs[1:]
		p.Name, p.Value = name, value
		return p
	}
	for i := range all.objects {
		o := &all.objects[i]
		l.objects = append(l.objects, next(&namespaceLabel, &o.Namespace), next(&objectLabel, &o.Name))
	}
	for i := range all.triggers {
		t := &all.triggers[i]
		of := l.object(t.object)
		l.triggers = append(l.triggers, of[0], of[1], next(&triggerLabel, &t.name), next(&typeLabel, &t.kind))
	}
	return l
}

func (l *rowLabels) object(i int) []*dto.LabelPair {
	return l.objects[labelsOfObject*i : labelsOfObject*(i+1)]
}

func (l *rowLabels) trigger(i int) []*dto.LabelPair {
	return l.triggers[labelsOfTrigger*i : labelsOfTrigger*(i+1)]
}

// encodeLimits encodes the rules that limit counts.
func (l *rowLabels) encodeLimits(all *rows, b *buffer, encode func(*dto.MetricFamily) error) error {
	b.reset(len(all.objects))
	for i := range all.objects {
		if o := &all.objects[i]; o.limitedBy != "" {
			of := l.object(i)
			b.add([]*dto.LabelPair{of[0], {Name: &ruleLabel, Value: &o.limitedBy}, of[1]}, 1)
		}
	}
	return b.encode(limitFamily.header(), encode)
}

// encodeConditions encodes the conditions that are True or False.
func (l *rowLabels) encodeConditions(all *rows, b *buffer, encode func(*dto.MetricFamily) error) error {
	n := 0
	for i := range all.objects {
		n += len(all.objects[i].conditions)
	}
	b.reset(n)
	labels := make([]*dto.LabelPair, 0, labelsOfCondition*n)
	for i := range all.objects {
		for j := range all.objects[i].conditions {
			c := &all.objects[i].conditions[j]
			if c.Status == metav1.ConditionUnknown {
				continue
			}
			kind := l.kinds[c.Type]
			if kind == nil {
				kind = &dto.LabelPair{Name: &conditionLabel, Value: &c.Type}
				l.kinds[c.Type] = kind
			}
			of, first := l.object(i), len(labels)
			labels = append(labels, kind, of[0], of[1])
			b.add(labels[first:], boolean(c.Status == metav1.ConditionTrue))
		}
	}
	return b.encode(conditionFamily.header(), encode)
}

func boolean(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
