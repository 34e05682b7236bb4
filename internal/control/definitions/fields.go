package definitions

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// schema is the part of an OpenAPI schema that is read.
type schema struct {
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	// Any means that the API server keeps unknown fields.
	Any bool `json:"x-kubernetes-preserve-unknown-fields"`
}

// ours is the package of the types whose fields are compared. Those of Kubernetes are part of every definition.
var ours = reflect.TypeFor[v1alpha1.ScaledObject]().PkgPath()

// missing returns the fields of a type that a schema does not have, as paths such as spec.dryRun. Fields below a missing one are not listed.
func missing(of reflect.Type, in *schema, path string) []string {
	of, in = element(of, in)
	if in == nil || of.Kind() != reflect.Struct || of.PkgPath() != ours || in.Any {
		return nil
	}
	var all []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			all = append(all, missing(field.Type, in, path)...)
			continue
		case field.Anonymous: // The metadata.
			continue
		}
		below, ok := in.Properties[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		if !ok {
			all = append(all, at)
			continue
		}
		all = append(all, missing(field.Type, &below, at)...)
	}
	return all
}

// extra returns the fields of a schema that a type does not have, as paths. Fields below one that the type does not have are not listed.
func extra(of reflect.Type, in *schema, path string) []string {
	of, in = element(of, in)
	if in == nil || of.Kind() != reflect.Struct || of.PkgPath() != ours || in.Any {
		return nil
	}
	fields := fieldsOf(of)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(in.Properties)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		below := in.Properties[name]
		switch field, ok := fields[name]; {
		case ok:
			all = append(all, extra(field, &below, at)...)
		case path != "" || !slices.Contains([]string{"apiVersion", "kind", "metadata"}, name):
			all = append(all, at)
		}
	}
	return all
}

// fieldsOf returns the types of the fields of a struct, by their names in JSON.
func fieldsOf(of reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			maps.Copy(all, fieldsOf(field.Type))
		case name != "":
			all[name] = field.Type
		}
	}
	return all
}

// element returns the type of what a pointer or a list has, with its schema; nil for one that has none.
func element(of reflect.Type, in *schema) (reflect.Type, *schema) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		if of.Kind() == reflect.Slice {
			if in = in.Items; in == nil {
				return of, nil
			}
		}
		of = of.Elem()
	}
	return of, in
}
