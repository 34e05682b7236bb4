package main

// width is the width of the dashboard in Grafana's units.
const width = 24

// row is a titled group of panels, from left to right.
type row struct {
	title  string
	panels []panel
}

// panel shows queries.
type panel struct {
	kind, title, description string
	// width and height are in Grafana's units; height 0 is that of a graph.
	width, height int
	unit          string
	queries       []query
	// options and custom are the options of the kind, and those of its series.
	options, custom fields
	overrides       []fields
	mappings        []fields
	thresholds      []fields
}

// query is an expression and the legend of its series.
type query struct{ expr, legend string }

// graph returns a panel with lines over time.
func graph(title, description, unit string, width int, queries ...query) panel {
	return panel{
		kind: "timeseries", title: title, description: description, unit: unit, width: width, queries: queries,
		custom:  fields{"fillOpacity": 0, "lineWidth": 1, "showPoints": "never", "spanNulls": false},
		options: fields{"legend": fields{"displayMode": "list", "placement": "bottom"}, "tooltip": fields{"mode": "multi", "sort": "desc"}},
	}
}

// stepped draws the lines of a graph as steps, for values that hold until the next one.
func (p panel) stepped() panel {
	p.custom["lineInterpolation"] = "stepAfter"
	return p
}

// stacked stacks the series of a graph.
func (p panel) stacked() panel {
	p.custom["stacking"], p.custom["fillOpacity"] = fields{"mode": "normal", "group": "A"}, 30
	return p
}

// override sets properties of the series whose legend matches a regular expression.
func (p panel) override(pattern string, properties fields) panel {
	var all []fields
	for _, id := range sortedKeys(properties) {
		all = append(all, fields{"id": id, "value": properties[id]})
	}
	p.overrides = append(p.overrides, fields{"matcher": fields{"id": "byRegexp", "options": pattern}, "properties": all})
	return p
}

// number returns a panel with the newest value of each series of a query. It is red from a value on; 0 is never.
func number(title, description, unit string, redFrom float64, q query) panel {
	p := panel{
		kind: "stat", title: title, description: description, unit: unit, width: 4, height: 4, queries: []query{q},
		options: fields{
			"colorMode": "value", "graphMode": "none", "textMode": "auto", "reduceOptions": fields{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		},
		thresholds: []fields{{"color": "green", "value": nil}},
	}
	if redFrom > 0 {
		p.thresholds = append(p.thresholds, fields{"color": "red", "value": redFrom})
	}
	return p
}

// states returns a panel with the times at which each series is 1.
func states(title, description string, width int, color string, q query) panel {
	return panel{
		kind: "state-timeline", title: title, description: description, width: width, queries: []query{q},
		options: fields{"showValue": "never", "mergeValues": true, "rowHeight": 0.8, "legend": fields{"showLegend": false}},
		custom:  fields{"fillOpacity": 80, "lineWidth": 0},
		mappings: []fields{{"type": "value", "options": fields{
			"0": fields{"text": "no", "color": "transparent"}, "1": fields{"text": "yes", "color": color},
		}}},
	}
}

// heatmap returns a panel with the distribution of a native histogram over time, or of a classic one.
func heatmap(title, description string, width int, q query) panel {
	return panel{
		kind: "heatmap", title: title, description: description, unit: "s", width: width, queries: []query{q},
		options: fields{
			"calculate": false, "yAxis": fields{"unit": "s", "axisPlacement": "left"}, "cellGap": 1,
			"color":   fields{"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "steps": 64},
			"tooltip": fields{"mode": "single", "yHistogram": true},
		},
	}
}

// layOut returns the JSON of all panels, each row below the one before.
func layOut(rows []row) []fields {
	var all []fields
	y, id := 0, 0
	for _, r := range rows {
		id++
		all = append(all, fields{"id": id, "type": "row", "title": r.title, "collapsed": false, "panels": []fields{}, "gridPos": place(0, y, width, 1)})
		y++
		x, tallest := 0, 0
		for _, p := range r.panels {
			height := p.height
			if height == 0 {
				height = 8
			}
			if x+p.width > width {
				x, y, tallest = 0, y+tallest, 0
			}
			id++
			one := p.json()
			one["id"], one["gridPos"] = id, place(x, y, p.width, height)
			all = append(all, one)
			x, tallest = x+p.width, max(tallest, height)
		}
		y += tallest
	}
	return all
}

func place(x, y, width, height int) fields { return fields{"x": x, "y": y, "w": width, "h": height} }

func (p panel) json() fields {
	targets := make([]fields, len(p.queries))
	for i, q := range p.queries {
		targets[i] = fields{"refId": string(rune('A' + i)), "datasource": source, "expr": q.expr, "legendFormat": q.legend}
		if p.kind == "heatmap" {
			targets[i]["format"] = "heatmap"
		}
	}
	custom := p.custom
	if custom == nil {
		custom = fields{}
	}
	defaults := fields{"unit": p.unit, "custom": custom}
	if p.kind == "timeseries" {
		defaults["min"] = 0
	}
	if p.mappings != nil {
		defaults["mappings"] = p.mappings
	}
	if p.thresholds != nil {
		defaults["thresholds"] = fields{"mode": "absolute", "steps": p.thresholds}
	}
	overrides := p.overrides
	if overrides == nil {
		overrides = []fields{}
	}
	return fields{
		"type": p.kind, "title": p.title, "description": p.description, "datasource": source, "targets": targets, "options": p.options,
		"fieldConfig": fields{"defaults": defaults, "overrides": overrides},
	}
}
