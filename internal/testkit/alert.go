package testkit

import "fmt"

// AlertmanagerWebhook returns the body that Alertmanager posts to a receiver for one alert without further labels, which
// started at midnight UTC on 2026-01-01. status is firing or resolved; a resolved alert ended a day later.
func AlertmanagerWebhook(alertname, status string) []byte {
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = "2026-01-02T00:00:00Z"
	}
	return fmt.Appendf(nil, `{"version":"4","groupKey":"{}","status":%[1]q,"receiver":"web\\.hook","groupLabels":{},"commonLabels":{},
		"commonAnnotations":{},"externalURL":"","alerts":[{"status":%[1]q,"labels":{"alertname":%[2]q},"annotations":{},
		"startsAt":"2026-01-01T08:00:00+08:00","endsAt":%[3]q,"generatorURL":"","fingerprint":""}]}`, status, alertname, ends)
}
