package definitions

import (
	"reflect"
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
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		if of.Kind() == reflect.Slice {
			if in = in.Items; in == nil {
				return nil
			}
		}
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of.PkgPath() != ours || in.Any {
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
