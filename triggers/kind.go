package triggers

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/impulse-sh/impulse/scalers"
)

// Kind is one type of trigger: what it is called, what it may be told, and how it is opened.
type Kind struct {
	// Name is what users write as the trigger's type.
	Name string
	// Summary is one sentence for the reference.
	Summary string
	// Push: the kind knows by itself when its level changes. Otherwise it is polled and honours pollingInterval.
	Push bool
	// Metrics are the metric types that it can be read as, the default first; nil: AverageValue, Value.
	Metrics []scalers.Metric
	// Fields are the keys of its metadata, in the order of the reference.
	Fields []Field
	// Auth are the parameters that it takes from an authenticationRef.
	Auth []AuthParameter
	// Example is metadata that decodes; it may be nil.
	Example map[string]string

	decode func(metadata map[string]string) (Config, error)
	open   func(Config, Env) (Source, error)
}

// Field is one key of a kind's metadata.
type Field struct {
	Key string
	// Type is text, boolean, integer, number, duration or list.
	Type     string
	Required bool
	// Default is what a user who says nothing gets, as text; "" for nothing.
	Default string
	// Doc is one or more sentences.
	Doc string
}

// AuthParameter is one parameter of an authenticationRef that a kind reads with Env.Secret.
type AuthParameter struct{ Name, Doc string }

// Decode returns the typed config that metadata states, laid over the defaults. Numbers and booleans come as text. All
// mistakes are returned at once, joined, each a *FieldError: unknown keys with the nearest name, missing keys, wrong
// types, and what the config's own Validate says of the fields that could be read. It does no I/O.
func (k Kind) Decode(metadata map[string]string) (Config, error) { return k.decode(metadata) }

// Open builds the source of one trigger from what Decode returned. It does no I/O: the world begins with Run.
func (k Kind) Open(c Config, env Env) (Source, error) { return k.open(c, env) }

// Define declares a kind. C is a struct; its exported fields carry the tags json (the key), doc, and required:"true",
// and are of type string, bool, int, int32, int64, scalers.Milli, time.Duration or []string. defaults is the config of a
// user who set nothing. open does no I/O.
//
// A config that is not of this form is a mistake in the program, and Define panics.
func Define[C Config](name, summary string, defaults C, open func(C, Env) (Source, error)) Kind {
	fields := fieldsOf(reflect.ValueOf(defaults))
	return Kind{
		Name: name, Summary: summary, Fields: fields,
		decode: func(metadata map[string]string) (Config, error) {
			c := defaults
			if err := decodeInto(reflect.ValueOf(&c).Elem(), fields, metadata, func() error { return c.Validate() }); err != nil {
				return nil, err
			}
			return c, nil
		},
		open: func(c Config, env Env) (Source, error) {
			typed, ok := c.(C)
			if !ok {
				return nil, fmt.Errorf("open %s: the config is a %T", name, c)
			}
			return open(typed, env)
		},
	}
}

// decodeInto sets the fields of a config and returns every mistake. It validates what it could read.
func decodeInto(config reflect.Value, fields []Field, metadata map[string]string, validate func() error) error {
	all, wrong := unknownKeys(fields, metadata)
	for i, f := range fields {
		if _, given := metadata[f.Key]; wrong[f.Key] && !given {
			continue // It was meant by a key that is misspelt.
		}
		if err := setField(config.Field(i), f, metadata); err != nil {
			all = append(all, err)
			wrong[f.Key] = true
		}
	}
	for _, err := range flatten(validate()) {
		if field, ok := errors.AsType[*FieldError](err); ok && wrong[field.Field] {
			continue // Said once is enough.
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
