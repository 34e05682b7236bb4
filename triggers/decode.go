package triggers

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
)

// structFields returns the fields of a config in order. Those of an embedded struct stand in its place.
func structFields(t reflect.Type) []reflect.StructField {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("triggers: %s is not a struct", t))
	}
	var fields []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous || f.Type.Kind() != reflect.Struct {
			fields = append(fields, f)
			continue
		}
		for _, inner := range structFields(f.Type) {
			inner.Index = append([]int{i}, inner.Index...)
			fields = append(fields, inner)
		}
	}
	return fields
}

// fieldsOf reads the schema of a config from its struct tags: one field for each of structFields.
func fieldsOf(config reflect.Value) []Field {
	t := config.Type()
	found := structFields(t)
	fields := make([]Field, len(found))
	for i, f := range found {
		fields[i] = Field{
			Key: f.Tag.Get("json"), Type: typeName(f.Type), Required: f.Tag.Get("required") == "true", Doc: f.Tag.Get("doc"),
		}
		if !f.IsExported() || fields[i].Key == "" || fields[i].Type == "" || fields[i].Doc == "" || (fields[i].Type == AnyKey) != (fields[i].Key == "*") {
			panic(fmt.Sprintf("triggers: field %s of %s needs a supported type, a json name and a doc", f.Name, t))
		}
		if !fields[i].Required {
			fields[i].Default = text(config.FieldByIndex(f.Index))
		}
	}
	return fields
}

// typeName returns the name of a type in the reference; "" if the type is not supported.
func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[scalers.Milli]():
		return "number"
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[[]string]():
		return "list"
	case reflect.TypeFor[map[string]string]():
		return AnyKey
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	default:
		return ""
	}
}

// text returns a default value as text for the reference.
func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case map[string]string:
		return ""
	case []string:
		return strings.Join(x, ",")
	case time.Duration:
		if x == 0 {
			return ""
		}
	}
	return fmt.Sprint(v.Interface())
}

// unknownKeys returns an error for every key that is not a field, sorted by key, and the fields that these keys were probably meant for.
// If any key is allowed, a key is refused only if it looks like a field that is not given.
func unknownKeys(fields []Field, metadata map[string]string) (all []error, meant map[string]bool) {
	meant = map[string]bool{}
	anyKey := false
	var names []string
	for _, f := range fields {
		if f.Type == AnyKey {
			anyKey = true
			continue
		}
		names = append(names, f.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if slices.Contains(names, key) {
			continue
		}
		if anyKey {
			field := diag.Misspelt(key, names)
			if _, given := metadata[field]; field == "" || given {
				continue
			}
		}
		all = append(all, &FieldError{Field: key, Problem: "is not a parameter of this trigger", Suggestion: diag.Suggest(key, names)})
		meant[diag.Nearest(key, names)] = true
	}
	return all, meant
}

// setField sets one field from its text, if metadata has it.
func setField(v reflect.Value, f Field, metadata map[string]string) error {
	value, given := metadata[f.Key]
	switch {
	case f.Type == AnyKey:
		v.Set(reflect.ValueOf(maps.Clone(metadata)))
		return nil
	case f.Required && !given:
		return &FieldError{Field: f.Key, Problem: "is required"}
	case f.Required && strings.TrimSpace(value) == "":
		return &FieldError{Field: f.Key, Problem: "is empty"}
	case !given:
		return nil
	}
	switch f.Type {
	case "text":
		v.SetString(value)
		return nil
	case "list":
		return setList(v, f, value)
	default:
		return setWord(v, f, strings.TrimSpace(value))
	}
}

// setList sets a list from its comma-separated elements and trims spaces around them.
func setList(v reflect.Value, f Field, value string) error {
	var list []string
	if strings.TrimSpace(value) != "" {
		list = strings.Split(value, ",")
	}
	for i := range list {
		if list[i] = strings.TrimSpace(list[i]); list[i] == "" {
			return &FieldError{Field: f.Key, Problem: fmt.Sprintf("element %d is empty", i+1), Suggestion: "separate elements by one comma"}
		}
	}
	v.Set(reflect.ValueOf(list))
	return nil
}

// setWord sets a boolean, a number, a duration or an integer.
func setWord(v reflect.Value, f Field, value string) error {
	switch f.Type {
	case "boolean":
		b, err := strconv.ParseBool(value)
		if err != nil {
			return &FieldError{Field: f.Key, Problem: fmt.Sprintf("%q is not a boolean", value), Suggestion: "write true or false"}
		}
		v.SetBool(b)
	case "number":
		m, err := scalers.ParseExact(value)
		if err != nil {
			return &FieldError{Field: f.Key, Problem: err.Error()}
		}
		v.SetInt(int64(m))
	case "duration":
		return setDuration(v, f, value)
	default:
		return setInteger(v, f, value)
	}
	return nil
}

// durations matches texts that time.ParseDuration refuses only if they are too long.
var durations = regexp.MustCompile(`^[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$`)

// setDuration sets a duration. A number without a unit is in milliseconds, as in KEDA.
func setDuration(v reflect.Value, f Field, value string) error {
	text := value
	if strings.Trim(value, "+-0123456789") == "" {
		text += "ms"
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil && durations.MatchString(text):
		return &FieldError{Field: f.Key, Problem: fmt.Sprintf("%s is longer than %s, the longest time that is possible", value, time.Duration(math.MaxInt64))}
	case err != nil:
		return &FieldError{Field: f.Key, Problem: fmt.Sprintf("%q is not a duration", value), Suggestion: "write a number and its unit, such as 30s or 500ms"}
	case d == 0 && strings.ContainsAny(value, "123456789"):
		return &FieldError{Field: f.Key, Problem: value + " is shorter than 1ns, the shortest time that is possible"}
	}
	v.SetInt(int64(d))
	return nil
}

func setInteger(v reflect.Value, f Field, value string) error {
	n, err := strconv.ParseInt(value, 10, v.Type().Bits())
	switch {
	case errors.Is(err, strconv.ErrRange): // ParseInt then returns the nearest number that fits.
		side, end := "above", "largest"
		if n < 0 {
			side, end = "below", "smallest"
		}
		return &FieldError{Field: f.Key, Problem: fmt.Sprintf("%s is %s %d, the %s number that is possible", value, side, n, end)}
	case err != nil:
		return &FieldError{Field: f.Key, Problem: fmt.Sprintf("%q is not a whole number", value)}
	}
	v.SetInt(n)
	return nil
}
