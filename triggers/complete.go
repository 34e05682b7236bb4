package triggers

import (
	"fmt"
	"reflect"
	"strings"
)

// CheckComplete returns an error that names the first field which the decoded answer of a source lacks: one with the tag
// required:"true" that was absent or null. Absent is never zero, so such a field is of a type that knows absence: a pointer, a
// slice or a map. A null among pointers in a list is missing as well. Structs are looked into wherever they stand.
func CheckComplete(answer any) error {
	if field := missingField(reflect.ValueOf(answer)); field != "" {
		return fmt.Errorf("the answer is incomplete: %s is missing", strings.TrimPrefix(field, "."))
	}
	return nil
}

// missingField returns the path of the first field that is missing, such as ".data.result[0].value"; "" when none is.
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

// hasFields reports whether values of a type may hold fields.
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
