package observability

import (
	"maps"
	"strings"
)

// firing is what makes one rule fire: series, with a value for each minute, and the alert that follows.
type firing struct {
	series map[string]string
	// at is the minute at which the rule fires, and not yet at the minute before unless that is 0.
	at     int
	labels map[string]string
	// value is the text of the value in an annotation.
	value string
	// quiet are series with which it does not fire at any of these minutes.
	quiet map[string]string
}

type set = map[string]string

const (
	object  = `namespace="shop",scaledobject="checkout"`
	trigger = object + `,trigger="rps",type="prometheus"`
	pod     = `namespace="impulse-system",pod="impulse-0"`
)

var (
	ofImpulse = set{"namespace": "impulse-system"}
	ofObject  = set{"namespace": "shop", "scaledobject": "checkout"}
	ofTrigger = set{"namespace": "shop", "scaledobject": "checkout", "trigger": "rps", "type": "prometheus"}
)

// with returns labels and one more.
func with(labels set, name, value string) set {
	all := maps.Clone(labels)
	all[name] = value
	return all
}

// firings has examples for each rule.
func firings() map[string][]firing {
	all := firingsOfProcess()
	maps.Copy(all, firingsOfRequests())
	maps.Copy(all, firingsOfNotifications())
	maps.Copy(all, firingsOfObjects())
	return all
}

// one is a single series.
func one(metric, values string) set { return set{metric: values} }

func firingsOfProcess() map[string][]firing {
	leader := func(a, b string) set {
		return set{"impulse_leader{" + pod + "}": a, `impulse_leader{namespace="impulse-system",pod="impulse-1"}`: b}
	}
	certificate := "impulse_admission_certificate_expiry_timestamp_seconds{" + pod + "}"
	return map[string][]firing{
		"ImpulseAbsent":     {{one("up", "0x30"), 5, nil, "", leader("0x30", "1x30")}},
		"ImpulseNoLeader":   {{leader("0x30", "0x30"), 2, ofImpulse, "", leader("1x10 0x30", "0x10 1x30")}},
		"ImpulseTwoLeaders": {{leader("1x30", "1x30"), 2, ofImpulse, "2", leader("1x10 0x30", "0x9 1x30")}},
		"ImpulseLeaderChanges": {{
			one("impulse_leader_changes_total{"+pod+"}", "0+1x60"), 5, ofImpulse, "5", one("impulse_leader_changes_total{"+pod+"}", "0x10 1x10 2x60"),
		}},
		"ImpulseAdmissionCertificateExpiring": {
			{one(certificate, "1209600x60"), 16, ofImpulse, "", one(certificate, "1300000x60")}, // 14 days, 15 days
			{one(certificate, "0x60"), 15, ofImpulse, "", one(certificate, "0x9 1300000x60")},   // none
		},
		"ImpulseReactionSlow": {{
			set{
				"impulse_event_to_write_seconds_bucket{" + pod + `,le="1"}`: "0x60", "impulse_event_to_write_seconds_bucket{" + pod + `,le="4"}`: "0+6x60",
				"impulse_event_to_write_seconds_bucket{" + pod + `,le="+Inf"}`: "0+6x60",
			}, 16, ofImpulse, "3.97s", set{
				"impulse_event_to_write_seconds_bucket{" + pod + `,le="0.1"}`: "0+6x60", "impulse_event_to_write_seconds_bucket{" + pod + `,le="+Inf"}`: "0+6x60",
			},
		}, {
			one("impulse_event_to_write_seconds{"+pod+"}", "{{schema:0 sum:0 count:0}}+{{schema:0 sum:18 count:6 offset:2 buckets:[6]}}x60"), 16, ofImpulse, "3.972s",
			one("impulse_event_to_write_seconds{"+pod+"}", "{{schema:0 sum:0 count:0}}+{{schema:0 sum:1 count:6 offset:-3 buckets:[6]}}x60"),
		}},
	}
}

func firingsOfRequests() map[string][]firing {
	counter := func(labels string) string { return "impulse_http_requests_total{" + pod + "," + labels + "}" }
	return map[string][]firing{
		"ImpulseScaleWritesFailing": {{
			one("impulse_scale_writes_total{"+pod+`,result="forbidden"}`, "0+1x60"), 11, with(ofImpulse, "result", "forbidden"), "",
			set{
				"impulse_scale_writes_total{" + pod + `,result="success"}`: "0+9x60", "impulse_scale_writes_total{" + pod + `,result="conflict"}`: "0+1x60",
				"impulse_scale_writes_total{" + pod + `,result="error"}`: "0 1x60",
			},
		}},
		"ImpulseStateWritesFailing": {{
			set{"impulse_alert_writes_total{" + pod + `,result="error"}`: "0x60", "impulse_status_writes_total{" + pod + `,result="error"}`: "0+1x60"},
			11, ofImpulse, "",
			set{
				"impulse_alert_writes_total{" + pod + `,result="error"}`: "0 1x60", "impulse_alert_writes_total{" + pod + `,result="success"}`: "0+9x60",
				"impulse_status_writes_total{" + pod + `,result="error"}`: "2x60",
			},
		}},
		"ImpulseAPIRequestsFailing": {{
			set{"impulse_api_requests_total{" + pod + `,verb="GET",code="200"}`: "0+90x60", "impulse_api_requests_total{" + pod + `,verb="PATCH",code="503"}`: "0+10x60"},
			11, ofImpulse, "10%",
			set{
				"impulse_api_requests_total{" + pod + `,verb="GET",code="200"}`: "0+95x60", "impulse_api_requests_total{" + pod + `,verb="PUT",code="409"}`: "0+50x60",
				"impulse_api_requests_total{" + pod + `,verb="GET",code="error"}`: "0+1x60",
			},
		}},
		"ImpulseQueueLong": {{
			one("impulse_queue_length{"+pod+`,queue="polls"}`, "300x60"), 10, with(with(ofImpulse, "pod", "impulse-0"), "queue", "polls"), "300",
			one("impulse_queue_length{"+pod+`,queue="polls"}`, "300x5 0 300x5 0 300x5 0 300x5 0 300x5 0"),
		}, {
			one("impulse_queue_length{"+pod+`,queue="readings"}`, "300x60"), 10, with(with(ofImpulse, "pod", "impulse-0"), "queue", "readings"), "300",
			one("impulse_queue_length{"+pod+`,queue="spans"}`, "2000x60"),
		}},
		"ImpulseWebhookRejected": {{
			one(counter(`route="webhook",code="401"`), "0+2x60"), 16, with(with(ofImpulse, "route", "webhook"), "code", "401"), "",
			set{counter(`route="alertmanager",code="200"`): "0+9x60", counter(`route="other",code="404"`): "0+9x60", counter(`route="push",code="503"`): "0+9x60"},
		}},
		"ImpulseDeliveriesRefused": {{
			one("impulse_deliveries_refused_total{"+pod+"}", "0+1x60"), 6, with(ofImpulse, "pod", "impulse-0"), "", one("impulse_deliveries_refused_total{"+pod+"}", "7x60"),
		}},
		"ImpulseDeliveriesTruncated": {{
			one("impulse_deliveries_truncated_total{"+pod+"}", "0+1x60"), 1, with(ofImpulse, "pod", "impulse-0"), "", one("impulse_deliveries_truncated_total{"+pod+"}", "7x60"),
		}},
	}
}

func firingsOfNotifications() map[string][]firing {
	sink := with(ofImpulse, "sink", "slack")
	total := func(result string) string {
		return "impulse_notifications_total{" + pod + `,sink="slack",result="` + result + `"}`
	}
	oldest := "impulse_notification_oldest_timestamp_seconds{" + pod + `,sink="slack"}`
	return map[string][]firing{
		"ImpulseNotificationsLost": {
			{one(total("expired"), "0+1x60"), 6, with(sink, "result", "expired"), "", set{total("sent"): "0+9x60", total("dropped"): "7x60"}},
			{one(total("rejected"), "0 1x60"), 6, with(sink, "result", "rejected"), "", one(total("lost"), "0x60")},
		},
		// The series are Unix times: the oldest notification waits since the start of the test, or is always a new one.
		"ImpulseNotificationsDelayed": {{one(oldest, "0x60"), 11, sink, "11m 0s", one(oldest, "0+60x60")}},
	}
}

func firingsOfObjects() map[string][]firing {
	return map[string][]firing{
		"ImpulseScaledObjectNotReady": {{
			set{"impulse_condition{" + object + `,condition="Ready"}`: "0x60", "impulse_trigger_known{" + trigger + "}": "1x60"},
			15, with(ofObject, "condition", "Ready"), "",
			set{"impulse_condition{" + object + `,condition="Ready"}`: "0x60", "impulse_trigger_known{" + trigger + "}": "0x60"},
		}},
		"ImpulseTriggerFailing": {{
			one("impulse_trigger_known{"+trigger+"}", "0x60"), 10, ofTrigger, "", one("impulse_trigger_known{"+trigger+"}", "0x9 1 0x9 1 0x9 1"),
		}},
		"ImpulseFallback": {{
			one("impulse_trigger_fallback{"+trigger+"}", "1x60"), 5, ofTrigger, "", one("impulse_trigger_fallback{"+trigger+"}", "1x4 stale 1x4 stale"),
		}},
		"ImpulseAtMaxReplicas": {{
			one("impulse_limited_by{"+object+`,rule="maxReplicaCount"}`, "1x60"), 15, with(ofObject, "rule", "maxReplicaCount"), "",
			set{"impulse_limited_by{" + object + `,rule="rate"}`: "1x60", "impulse_limited_by{" + object + `,rule="maxReplicaCount"}`: "1x9 stale"},
		}},
		"ImpulseAlertStale": {{
			one("impulse_condition{"+object+`,condition="AlertStale"}`, "1x60"), 5, with(ofObject, "condition", "AlertStale"), "",
			one("impulse_condition{"+object+`,condition="AlertStale"}`, "0x60"),
		}},
		"ImpulsePaused": {{
			one("impulse_condition{"+object+`,condition="Paused"}`, "1x1500"), 1440, with(ofObject, "condition", "Paused"), "",
			one("impulse_condition{"+object+`,condition="Paused"}`, "1x700 0 1x700"),
		}},
	}
}

// healthy returns the series of two replicas and one object without any problem.
func healthy() set {
	other := strings.ReplaceAll(pod, "impulse-0", "impulse-1")
	return set{
		"impulse_leader{" + pod + "}": "1x60", "impulse_leader{" + other + "}": "0x60", "impulse_leader_changes_total{" + pod + "}": "1x60",
		"impulse_event_to_write_seconds_bucket{" + pod + `,le="0.01"}`: "0+1x60", "impulse_event_to_write_seconds_bucket{" + pod + `,le="+Inf"}`: "0+1x60",
		"impulse_scale_writes_total{" + pod + `,result="success"}`: "0+1x60", "impulse_scale_writes_total{" + pod + `,result="error"}`: "0x60",
		"impulse_alert_writes_total{" + pod + `,result="success"}`: "0+1x60", "impulse_alert_writes_total{" + pod + `,result="error"}`: "0x60",
		"impulse_status_writes_total{" + pod + `,result="success"}`: "0+1x60", "impulse_status_writes_total{" + pod + `,result="error"}`: "0x60",
		"impulse_api_requests_total{" + pod + `,verb="PATCH",code="200"}`: "0+60x60", "impulse_queue_length{" + pod + `,queue="polls"}`: "0 3 0 9 0x56",
		"impulse_http_requests_total{" + pod + `,route="alertmanager",code="200"}`: "0+5x60", "impulse_deliveries_refused_total{" + pod + "}": "0x60",
		"impulse_admission_certificate_expiry_timestamp_seconds{" + pod + "}": "7776000x60",
		"impulse_notifications_total{" + pod + `,sink="slack",result="sent"}`: "0+1x60", "impulse_notifications_total{" + pod + `,sink="slack",result="expired"}`: "0x60",
		"impulse_notification_oldest_timestamp_seconds{" + pod + `,sink="slack"}`: "0+60x60",
		"impulse_deliveries_truncated_total{" + pod + "}":                         "0x60", "impulse_trigger_known{" + trigger + "}": "1x60",
		"impulse_condition{" + object + `,condition="Ready"}`: "1x60", "impulse_condition{" + object + `,condition="Paused"}`: "0x60",
		"impulse_condition{" + object + `,condition="AlertStale"}`: "0x60", "impulse_limited_by{" + object + `,rule="stabilization"}`: "1x60",
	}
}
