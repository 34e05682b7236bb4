package push

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// maxTTL is the longest ttl: a year.
const maxTTL = 365 * 24 * time.Hour

// levelOf decodes a level, or a CloudEvent whose data is one.
func levelOf(m triggers.Message) (triggers.Level, error) {
	data, e, err := unwrap(m)
	if err != nil {
		return triggers.Level{}, err
	}
	l, err := parseLevel(data)
	if err != nil {
		return triggers.Level{}, err
	}
	l.At, l.ID = e.at, e.id
	return l, nil
}

// parseLevel parses a level such as {"value": 42, "ttl": "60s"}. The error joins all mistakes.
func parseLevel(data any) (triggers.Level, error) {
	object, ok := data.(map[string]any)
	if !ok {
		return triggers.Level{}, errors.New(`expected a JSON object, such as {"value": 42, "ttl": "60s"}`)
	}
	l := triggers.Level{On: true}
	var mistakes []string
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	for _, key := range slices.Sorted(maps.Keys(object)) {
		var err error
		switch key {
		case "value":
			l.Value, err = number(object[key])
		case "ttl":
			l.TTL, err = duration(object[key])
		default:
			err = fmt.Errorf("is not known (%s)", diag.Suggest(key, []string{"value", "ttl"}))
		}
		if err != nil {
			wrong("%.63q %v", key, err)
		}
		if len(mistakes) == 5 {
			break
		}
	}
	if _, given := object["value"]; !given {
		wrong(`"value" is missing: the level, a number`)
	}
	if len(mistakes) > 0 {
		return triggers.Level{}, errors.New(strings.Join(mistakes, "; "))
	}
	return l, nil
}

// number parses a number of at least 0, given as a JSON number or as text.
func number(v any) (scalers.Milli, error) {
	var text string
	switch x := v.(type) {
	case json.Number:
		text = x.String()
	case string:
		text = x
	default:
		return 0, fmt.Errorf("is %s, expected a number", kindOf(v))
	}
	n, err := scalers.ParseMilli(text)
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, fmt.Errorf("is %.40s: a level is not below 0", text)
	}
	return n, nil
}

// duration parses a duration with its unit.
func duration(v any) (time.Duration, error) {
	text, ok := v.(string)
	if !ok {
		return 0, fmt.Errorf(`is %s, expected a duration, such as "60s"`, kindOf(v))
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxTTL {
		return 0, fmt.Errorf(`is %.40q, expected a duration above 0 and up to a year, such as "60s"`, text)
	}
	return d, nil
}

// kindOf returns the name of a value's JSON type.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "text"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
