package triggers

import "time"

// Samples has the samples that Prometheus servers write to this process.
type Samples interface {
	// ListenSamples calls receive with the series of each write request to the namespace, until stop is called. With a name, these are the
	// series of that metric, otherwise all. c is the receipt of the request. receive must not block, and must not change the series;
	// it is called from several goroutines.
	ListenSamples(namespace, name string, receive func(c Cause, series []Series)) (stop func())
}

// Series is what a write request has of one series.
type Series struct {
	// Labels are ordered by name and include MetricName. No name occurs twice.
	Labels []Label
	// Samples are in the order in which they were sent.
	Samples []Sample
	// Histograms is the number of native histograms, which have no value.
	Histograms int
}

// MetricName is the label with the name of the metric.
const MetricName = "__name__"

// Label is one label of a series.
type Label struct{ Name, Value string }

// Sample is one sample of a series.
type Sample struct {
	// At is the timestamp, by the clock of the writing server.
	At    time.Time
	Value float64
	// Stale is true for a stale marker, which ends the series.
	Stale bool
}

// Label returns the value of a label, "" if there is none.
func (s *Series) Label(name string) string {
	for i := range s.Labels {
		if s.Labels[i].Name == name {
			return s.Labels[i].Value
		}
	}
	return ""
}
