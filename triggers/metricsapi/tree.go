package metricsapi

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/scalers"
)

// treeFinder returns the finder for a format that is read as a whole, and for a path of names and of positions in lists.
func treeFinder(read func([]byte) (any, error), location string) (find finder, problem string) {
	steps := strings.Split(location, ".")
	if slices.Contains(steps, "") {
		return nil, "has an empty name: write names separated by single dots"
	}
	return func(answer io.Reader) (scalers.Milli, error) {
		content, err := readAll(answer, maxTreeBytes)
		if err != nil {
			return 0, err
		}
		value, err := read(content)
		if err != nil {
			return 0, err
		}
		for _, s := range steps {
			if value, err = step(value, s); err != nil {
				return 0, err
			}
		}
		return treeNumber(value)
	}, ""
}

// step returns the part of a value that has a name or a position.
func step(value any, name string) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		if part, ok := value[name]; ok {
			return part, nil
		}
	case map[any]any: // It has keys that are not texts.
		for key, part := range value {
			if fmt.Sprint(key) == name {
				return part, nil
			}
		}
	case map[string]siblings:
		if part, ok := value[name]; ok {
			return part, nil
		}
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(value) {
			return value[i], nil
		}
	case siblings:
		if _, err := strconv.Atoi(name); err == nil {
			return step([]any(value), name)
		}
		only, err := value.only()
		if err != nil {
			return nil, err
		}
		return step(only, name)
	}
	return nil, errMissing
}

// treeNumber returns the number in a value.
func treeNumber(value any) (scalers.Milli, error) {
	switch value := value.(type) {
	case nil:
		return 0, errNull
	case bool:
		return 0, errBoolean
	case string:
		return number(value)
	case float64:
		return float(value)
	case int, int64, uint64:
		return number(fmt.Sprint(value))
	case siblings:
		only, err := value.only()
		if err != nil {
			return 0, err
		}
		return treeNumber(only)
	case map[string]any, map[any]any, map[string]siblings, []any:
		return 0, errCompound
	}
	return 0, errText // A time.
}

// readYAML returns the content of the first document.
func readYAML(content []byte) (any, error) {
	var value any
	if err := yaml.Unmarshal(content, &value); err != nil {
		return nil, malformed("YAML", err)
	}
	return value, nil
}
