// Package promtool provides tests with promtool, Prometheus's command for rules and queries. The go command builds it from the module in
// programs, and keeps it in its cache.
package promtool
