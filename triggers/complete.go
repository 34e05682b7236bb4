package triggers

import (
	"fmt"
	"reflect"
	"strings"
)

// CheckComplete returns an error that names the first missing field of a source's decoded answer. A field is missing if it has the tag
// required:"true" and was absent or null, and so is a nil pointer in a list. Such fields have a type that can be nil (a pointer, a slice
// or a map), because absent is never zero. Nested structs are checked too.
func CheckComplete(answer any) error {
	if field := missingField(reflect.ValueOf(answer)); field != "" {
		return fmt.Errorf("the answer is incomplete: %s is missing", strings.TrimPrefix(field, "."))
	}
	return nil
}

// missingField returns the path of the first missing field, such as ".data.result[0].value"; "" if none is missing.
func missingField(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return missingField(v.Elem())
		}
	case reflect.Slice:
		if hasFields(v.Type().Elem()) {
			return missingInList(v)
		}
	case reflect.Struct:
		return missingInStruct(v)
	default:
	}
	return ""
}

// hasFields reports whether values of a type may contain fields.
func hasFields(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer || t.Kind() == reflect.Struct || t.Kind() == reflect.Slice
}

func missingInList(list reflect.Value) string {
	for i := range list.Len() {
		element := list.Index(i)
		if element.Kind() == reflect.Pointer && element.IsNil() {
			return fmt.Sprintf("[%d]", i)
		}
		if field := missingField(element); field != "" {
			return fmt.Sprintf("[%d]%s", i, field)
		}
	}
	return ""
}

func missingInStruct(v reflect.Value) string {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Tag.Get("required") == "true" && v.Field(i).IsNil() {
			return "." + name
		}
		if field := missingField(v.Field(i)); field != "" {
			return "." + name + field
		}
	}
	return ""
}
