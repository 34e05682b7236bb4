package main

import (
	"fmt"
	"maps"
	"slices"
)

// selected are the objects that the user selects, and ofTrigger is the legend of a trigger.
const (
	selected  = `{namespace=~"$namespace", scaledobject=~"$scaledobject"}`
	ofTrigger = "{{scaledobject}}: {{trigger}}"
)

func sortedKeys(f fields) []string { return slices.Sorted(maps.Keys(f)) }

// rate returns the sum of the rate of a counter by labels.
func rate(metric, by string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, metric)
}

// quantile returns a quantile of a histogram in seconds, by a label or "". Prometheus has either native or classic buckets of it.
func quantile(q float64, histogram, by string) string {
	native, classic := "", " by (le)"
	if by != "" {
		native, classic = fmt.Sprintf(" by (%s)", by), fmt.Sprintf(" by (%s, le)", by)
	}
	const each = "histogram_quantile(%g, sum%s (rate(%s[$__rate_interval])))"
	return fmt.Sprintf(each+" or "+each, q, native, histogram, q, classic, histogram+"_bucket")
}

// quantiles returns queries for usual quantiles of a histogram.
func quantiles(histogram string) []query {
	return []query{
		{quantile(0.5, histogram, ""), "50 %"}, {quantile(0.9, histogram, ""), "90 %"}, {quantile(0.99, histogram, ""), "99 %"},
	}
}

// rows returns everything that the dashboard shows.
func rows() []row {
	return []row{overview(), workload(), triggers(), reaction(), decisions(), senders(), apiServer(), process()}
}

func overview() row {
	return row{"Overview", []panel{
		number("Leaders", "Processes that lead. There should be one.", "none", 2, query{"sum(impulse_leader)", ""}),
		number("Replicas of Impulse", "Processes that are scraped.", "none", 0, query{"count(impulse_leader)", ""}),
		number("ScaledObjects", "Objects that Impulse scales.", "none", 0, query{"count(impulse_min_replicas)", ""}),
		number("Not ready", "Objects whose condition Ready is False: invalid, without a target, or with a failing trigger.", "none", 1,
			query{`count(impulse_condition{condition="Ready"} == 0) or vector(0)`, ""}),
		number("Unknown triggers", "Triggers whose level is unknown. They lower no count.", "none", 1, query{"count(impulse_trigger_known == 0) or vector(0)", ""}),
		number("Reaction, 99 %", "99 of 100 changes of a count end within this time from the event.", "s", 1,
			query{quantile(0.99, "impulse_event_to_write_seconds", ""), ""}),
	}}
}

func workload() row {
	replicas := graph("Replicas", "Desired and current count, between minReplicaCount and maxReplicaCount.", "none", 16,
		query{"impulse_max_replicas" + selected, "{{scaledobject}}: maximum"}, query{"impulse_min_replicas" + selected, "{{scaledobject}}: minimum"},
		query{"impulse_desired_replicas" + selected, "{{scaledobject}}: desired"}, query{"impulse_current_replicas" + selected, "{{scaledobject}}: current"},
	).stepped()
	bound := fields{"color": fields{"mode": "fixed", "fixedColor": "#8888"}, "custom.lineStyle": fields{"fill": "dash", "dash": []int{6, 6}}}
	band := maps.Clone(bound)
	band["custom.fillOpacity"] = 5
	return row{"Workload", []panel{
		replicas.override(": maximum$", band).override(": minimum$", bound).override(": desired$", fields{"custom.lineWidth": 2}).
			override(": current$", fields{"custom.fillOpacity": 10}),
		states("Held back by", "The rule that keeps the count from what the triggers ask for.", 8, "orange", query{"impulse_limited_by" + selected, "{{scaledobject}}: {{rule}}"}),
		graph("Asked for", "Replicas that each trigger asks for by its formula, before any other rule.", "none", 16,
			query{"impulse_trigger_raw_replicas" + selected, ofTrigger}, query{"impulse_max_replicas" + selected, "{{scaledobject}}: maximum"}).
			stepped().override(": maximum$", bound),
		states("Conditions", "Conditions that are True.", 8, "blue", query{"impulse_condition" + selected, "{{scaledobject}}: {{condition}}"}),
	}}
}

func triggers() row {
	return row{"Triggers", []panel{
		graph("Level and target", "Level of each trigger, and the level that one replica should have (with metric type Value: the whole workload).", "short", 16,
			query{"impulse_trigger_value" + selected, ofTrigger}, query{"impulse_trigger_target" + selected, ofTrigger + ", target"}).
			override(", target$", fields{"custom.lineStyle": fields{"fill": "dash", "dash": []int{6, 6}}}),
		states("Unknown", "Times at which the level of a trigger is unknown.", 8, "red", query{"1 - impulse_trigger_known" + selected, ofTrigger}),
		graph("Failed readings", "Failed readings per second.", "ops", 8, query{"rate(impulse_trigger_errors_total" + selected + "[$__rate_interval])", ofTrigger}),
		graph("Age of the latest reading", "For a pushed level, the time since it last changed.", "s", 8,
			query{"time() - impulse_trigger_last_reading_timestamp_seconds" + selected, ofTrigger}),
		states("Fallback", "Times at which the fallback replaces the level of a trigger.", 8, "red", query{"impulse_trigger_fallback" + selected, ofTrigger}),
	}}
}

func reaction() row {
	return row{"Reaction time, all objects", []panel{
		heatmap("From event to write", "Time from an event to the end of the write of the count that it caused.", 8, query{
			"sum(rate(impulse_event_to_write_seconds[$__rate_interval])) or sum by (le) (rate(impulse_event_to_write_seconds_bucket[$__rate_interval]))", "{{le}}",
		}),
		graph("From event to write", "Quantiles of that time.", "s", 8, quantiles("impulse_event_to_write_seconds")...),
		graph("From event to decision", "Time from an event, or the start of a reading, to the decision.", "s", 8, quantiles("impulse_event_to_decision_seconds")...),
	}}
}

func decisions() row {
	return row{"Decisions and writes, all objects", []panel{
		graph("Decisions", "Decisions per second, by outcome.", "ops", 8, query{rate("impulse_decisions_total", "outcome"), "{{outcome}}"}).stacked(),
		graph("Limited decisions", "Decisions per second for another count than the triggers ask for, by rule.", "ops", 8,
			query{rate("impulse_decisions_limited_total", "rule"), "{{rule}}"}).stacked(),
		graph("Writes of counts", "Writes of scale subresources per second, by result.", "ops", 8, query{rate("impulse_scale_writes_total", "result"), "{{result}}"}).stacked(),
	}}
}

func senders() row {
	return row{"Senders", []panel{
		graph("Requests", "HTTP requests per second, by route and status code.", "reqps", 8, query{rate("impulse_http_requests_total", "route, code"), "{{route}} {{code}}"}),
		graph("Duration of requests, 99 %", "99 of 100 requests are answered within this time.", "s", 8,
			query{quantile(0.99, "impulse_http_duration_seconds", "route"), "{{route}}"}),
		graph("Messages to triggers", "Messages per second to webhook, push and remote-write triggers, by result.", "ops", 8,
			query{rate("impulse_messages_total", "endpoint, result"), "{{endpoint}} {{result}}"}),
		graph("Alerts and levels", "Alerts and levels that were received per second, by result.", "ops", 8,
			query{rate("impulse_alerts_received_total", "result"), "{{result}}"}),
		graph("Stored alerts and levels", "Alerts and levels in the store, by state.", "none", 8, query{"sum by (state) (impulse_alerts)", "{{state}}"}),
		graph("Refused, truncated and dropped", "Deliveries that were refused because the store was full, deliveries that their sender truncated, and alerts that were dropped, per second.", "ops", 8,
			query{"sum(rate(impulse_deliveries_refused_total[$__rate_interval]))", "refused"},
			query{"sum(rate(impulse_deliveries_truncated_total[$__rate_interval]))", "truncated"},
			query{"sum(rate(impulse_alerts_dropped_total[$__rate_interval]))", "dropped"}),
	}}
}

func apiServer() row {
	return row{"API server and state", []panel{
		graph("Requests to the API server", "Requests per second, by method and status code.", "reqps", 8,
			query{rate("impulse_api_requests_total", "verb, code"), "{{verb}} {{code}}"}),
		graph("Duration of requests to the API server, 99 %", "99 of 100 requests take at most this time.", "s", 8,
			query{quantile(0.99, "impulse_api_request_duration_seconds", "verb"), "{{verb}}"}),
		graph("Duration of writes of state, 99 %", "99 of 100 writes of alerts and of statuses take at most this time.", "s", 8,
			query{quantile(0.99, "impulse_state_write_duration_seconds", "state"), "{{state}}"}),
		graph("Writes of state", "Writes of the store of alerts and of statuses per second, by result.", "ops", 8,
			query{rate("impulse_alert_writes_total", "result"), "alerts {{result}}"}, query{rate("impulse_status_writes_total", "result"), "status {{result}}"}),
		graph("Queues", "Elements that wait.", "none", 8, query{"sum by (queue) (impulse_queue_length)", "{{queue}}"}),
		states("Leader", "The process that leads.", 8, "green", query{"impulse_leader", "{{instance}}"}),
	}}
}

func process() row {
	const ours = " and on (job, instance) impulse_build_info"
	return row{"Process", []panel{
		graph("CPU", "CPU cores in use.", "none", 8, query{"rate(process_cpu_seconds_total[$__rate_interval])" + ours, "{{instance}}"}),
		graph("Memory", "Resident memory.", "bytes", 8, query{"process_resident_memory_bytes" + ours, "{{instance}}"}),
		graph("Goroutines", "Goroutines.", "none", 8, query{"go_goroutines" + ours, "{{instance}}"}),
	}}
}
