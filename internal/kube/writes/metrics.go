package writes

import "github.com/prometheus/client_golang/prometheus"

var (
	waitingDesc = prometheus.NewDesc("impulse_writes_waiting",
		"Writes to the API server that wait because more urgent ones go first, or because the API server is overloaded, by class.", []string{"class"}, nil)
	limitDesc = prometheus.NewDesc("impulse_writes_concurrency_limit",
		"How many writes to the API server may be in flight at the same time, by class. It shrinks while the API server is overloaded; at 0, the class keeps a small share.", []string{"class"}, nil)
	throttledDesc = prometheus.NewDesc("impulse_writes_throttled_total",
		"Writes that the API server did not accept because it was overloaded, or did not answer in time, by class. Each is tried again.", []string{"class"}, nil)
)

// Describe implements prometheus.Collector.
func (g *Gate) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{waitingDesc, limitDesc, throttledDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (g *Gate) Collect(out chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range classes {
		c := Class(i)
		out <- prometheus.MustNewConstMetric(throttledDesc, prometheus.CounterValue, float64(g.pushedBack[c]), c.String())
		waiting, limit := len(g.waiting[c]), g.limits.state[c].limit
		if c == Counts {
			waiting, limit = g.Turns.state()
		}
		out <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(waiting), c.String())
		out <- prometheus.MustNewConstMetric(limitDesc, prometheus.GaugeValue, float64(limit), c.String())
	}
}
