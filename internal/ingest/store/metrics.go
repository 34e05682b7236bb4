package store

import "github.com/prometheus/client_golang/prometheus"

// counts are what has happened since the process began.
type counts struct {
	refused, dropped, truncated int
	// reconciles are by whether every sender answered.
	reconciles map[bool]int
}

var (
	keptDesc      = prometheus.NewDesc("impulse_alerts", "Recorded alerts, by state: firing, pushed or resolved.", []string{"state"}, nil)
	refusedDesc   = prometheus.NewDesc("impulse_alerts_refused_total", "Deliveries that were refused because the store was full.", nil, nil)
	droppedDesc   = prometheus.NewDesc("impulse_alerts_dropped_total", "Alerts that no object selected and that were dropped because the store was full.", nil, nil)
	truncatedDesc = prometheus.NewDesc("impulse_webhook_truncated_total", "Deliveries that the sender had truncated.", nil, nil)
	reconcileDesc = prometheus.NewDesc("impulse_alert_reconciles_total", "Queries for all firing alerts, by result: complete (every Alertmanager answered) or partial.", []string{"result"}, nil)
)

// Describe is prometheus.Collector's.
func (s *Store) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{keptDesc, refusedDesc, droppedDesc, truncatedDesc, reconcileDesc} {
		out <- d
	}
}

// Collect is prometheus.Collector's. What is kept is told by the leader alone: any other process does not know it.
func (s *Store) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	known, kept, c := s.loadErr == nil, s.accounts.all.count, s.counts
	whole, partial := c.reconciles[true], c.reconciles[false]
	s.mu.Unlock()
	if known {
		for state, n := range map[string]int{"firing": kept[isFiring], "pushed": kept[isPushed], "resolved": kept[isResolved]} {
			out <- prometheus.MustNewConstMetric(keptDesc, prometheus.GaugeValue, float64(n), state)
		}
	}
	out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(c.refused))
	out <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(c.dropped))
	out <- prometheus.MustNewConstMetric(truncatedDesc, prometheus.CounterValue, float64(c.truncated))
	out <- prometheus.MustNewConstMetric(reconcileDesc, prometheus.CounterValue, float64(whole), "complete")
	out <- prometheus.MustNewConstMetric(reconcileDesc, prometheus.CounterValue, float64(partial), "partial")
}
