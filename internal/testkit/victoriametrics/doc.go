// Package victoriametrics provides tests with the programs of VictoriaMetrics: victoria-metrics, the server of a single node, and vmagent,
// which scrapes and writes. The go command builds them from the module in programs, and keeps them in its cache.
package victoriametrics
