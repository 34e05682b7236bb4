// Command dashboard writes the Grafana dashboard of Impulse: deploy/chart/files/dashboard.json.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

//go:generate go run . ../chart/files/dashboard.json

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected the path of the file to write, got %q", args)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(dashboard()); err != nil {
		return err
	}
	return os.WriteFile(args[0], text.Bytes(), 0o600)
}

// fields are the fields of a JSON object.
type fields = map[string]any

// dashboard returns the dashboard, in the schema of Grafana 11.
func dashboard() fields {
	return fields{
		"uid": "impulse", "title": "Impulse", "tags": []string{"impulse", "autoscaling"}, "editable": true, "schemaVersion": 39,
		"description": "Counts and triggers of ScaledObjects, the reaction time of Impulse, its senders and its requests to the API server.",
		"refresh":     "10s", "time": fields{"from": "now-1h", "to": "now"}, "timezone": "browser", "graphTooltip": 1,
		"links": []fields{{
			"title": "Metrics", "type": "link", "url": "https://github.com/impulse-sh/impulse/blob/main/docs/metrics.md", "targetBlank": true,
		}},
		"annotations": fields{"list": []fields{{
			"name": "Leader changes", "datasource": source, "enable": true, "iconColor": "orange",
			"expr": "changes(impulse_leader[1m]) > 0", "titleFormat": "Leader changes", "textFormat": "{{instance}}",
		}}},
		"templating": fields{"list": []fields{
			{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
			variable("namespace", "Namespace", `label_values(impulse_min_replicas, namespace)`, true),
			variable("scaledobject", "ScaledObject", `label_values(impulse_min_replicas{namespace=~"$namespace"}, scaledobject)`, false),
		}},
		"panels": layOut(rows()),
	}
}

// source is the data source that the user selects.
var source = fields{"type": "prometheus", "uid": "${datasource}"}

// variable returns a variable that has the values of a label; all selects all of them at the start.
func variable(name, label, query string, all bool) fields {
	return fields{
		"name": name, "label": label, "type": "query", "datasource": source, "definition": query, "query": fields{"query": query, "refId": "labels"},
		"refresh": 2, "sort": 1, "multi": true, "includeAll": all, "allValue": ".*",
	}
}
