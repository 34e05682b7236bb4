package store

import "github.com/prometheus/client_golang/prometheus"

// counts are the counters of the metrics, since the process started.
type counts struct {
	refused, dropped, truncated int
	// reconciles is by whether every sender answered.
	reconciles map[bool]int
}

var (
	storedDesc    = prometheus.NewDesc("impulse_alerts", "Recorded alerts, by state: firing, pushed or resolved.", []string{"state"}, nil)
	refusedDesc   = prometheus.NewDesc("impulse_deliveries_refused_total", "Deliveries that were refused, in whole or in part, because the store was full.", nil, nil)
	droppedDesc   = prometheus.NewDesc("impulse_alerts_dropped_total", "Alerts that no object selected and that were dropped because the store was full.", nil, nil)
	truncatedDesc = prometheus.NewDesc("impulse_deliveries_truncated_total", "Deliveries that the sender had truncated.", nil, nil)
	reconcileDesc = prometheus.NewDesc("impulse_alert_reconciles_total", "Queries of Alertmanagers for the alerts that a trigger selects (reconcile), by result: complete (every Alertmanager answered) or partial.", []string{"result"}, nil)
)

// Describe is prometheus.Collector's.
func (s *Store) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{storedDesc, refusedDesc, droppedDesc, truncatedDesc, reconcileDesc} {
		out <- d
	}
}

// Collect is prometheus.Collector's. The number of stored alerts is exported by the leader only: no other process knows it.
func (s *Store) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	known, stored, c := s.loadErr == nil, s.accounts.all.count, s.counts
	whole, partial := c.reconciles[true], c.reconciles[false]
	s.mu.Unlock()
	if known {
		for state, n := range map[string]int{"firing": stored[isFiring], "pushed": stored[isPushed], "resolved": stored[isResolved]} {
			out <- prometheus.MustNewConstMetric(storedDesc, prometheus.GaugeValue, float64(n), state)
		}
	}
	out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(c.refused))
	out <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(c.dropped))
	out <- prometheus.MustNewConstMetric(truncatedDesc, prometheus.CounterValue, float64(c.truncated))
	out <- prometheus.MustNewConstMetric(reconcileDesc, prometheus.CounterValue, float64(whole), "complete")
	out <- prometheus.MustNewConstMetric(reconcileDesc, prometheus.CounterValue, float64(partial), "partial")
}
