package triggers

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/impulse-sh/impulse/scalers"
)

// Kind is one type of trigger: its name, its parameters, and how to open it. Define creates it.
type Kind struct {
	// Name is the type that users write.
	Name string
	// Summary is one sentence for the reference.
	Summary string
	// Push is true for a kind that reports changes by itself. All other kinds are read at least every pollingInterval.
	Push bool
	// Receives is true for a kind whose senders post messages to Impulse.
	Receives bool
	// Metrics are the supported metric types, the default first; nil means AverageValue and Value.
	Metrics []scalers.Metric
	// Fields are the keys of its metadata, in the order of the reference.
	Fields []Field
	// Auth are the parameters that the kind reads from an authenticationRef.
	Auth []AuthParameter
	// Requires is what users have to do besides, in the imperative; "" if nothing.
	Requires string
	// ReadsAsZero is what the kind reads as 0, although the level is not known; "" if nothing. It completes "… reads X as 0".
	ReadsAsZero string
	// Limits returns why the kind cannot read a trigger with a config and a login by itself: the KEDA bridge reads it then. It is nil for a kind
	// that reads all its triggers. It does no I/O.
	Limits func(Config, Login) Limit
	// LoginParameters are the parameters of Auth that Limits needs.
	LoginParameters []string
	// OpenThroughBridge builds the source of a trigger that has a Limit: the KEDA bridge reads its level. metadata are those of the trigger,
	// with the values of environment variables under their keys …FromEnv. It does no I/O. It is nil in a build without the bridge.
	OpenThroughBridge func(metadata map[string]string, env Env) (Source, error)
	// Example is valid metadata. It may be nil.
	Example map[string]string

	decode func(metadata map[string]string, later map[string]string) (Config, error)
	open   func(Config, Env) (Source, error)
}

// Field is one key of a kind's metadata.
type Field struct {
	Key string
	// Type is text, boolean, integer, number, duration, list or AnyKey.
	Type     string
	Required bool
	// Default is the default value as text; "" if there is none.
	Default string
	// Doc has one or more sentences.
	Doc string
}

// AnyKey is the Type of the field with the key "*". It stands for all other keys, whose values are texts.
const AnyKey = "any"

// AuthParameter is one parameter of an authenticationRef that a kind reads with Env.Secrets.
type AuthParameter struct{ Name, Doc string }

// Decode returns the typed config of a trigger: the defaults, overwritten by metadata. All values of metadata are text. It returns all
// mistakes at once, joined, each a *FieldError: unknown keys with the nearest name, missing keys, wrong types, and the errors of the
// config's Validate for fields that could be decoded. A field whose value is an environment variable is empty: see DecodeWith. It does no
// I/O.
func (k Kind) Decode(metadata map[string]string) (Config, error) {
	literal, variables, mistakes := k.split(metadata)
	return k.decodeLiteral(literal, variables.Metadata, mistakes)
}

// Open builds the source of one trigger from a config that Decode returned. It does no I/O: that begins with Run.
func (k Kind) Open(c Config, env Env) (Source, error) { return k.open(c, env) }

// Define declares a kind. C is a struct whose fields are exported, have the tags json (the key) and doc, optionally required:"true", and
// have the type string, bool, int, int32, int64, scalers.Milli, time.Duration or []string, or are embedded structs with such fields.
// defaults is the config for empty metadata. open does no I/O. C may have one field with the key "*" and the type map[string]string,
// which gets the whole metadata as it is written; the kind then allows all keys, such as for a server of the user that interprets them.
// Define panics if C does not have this form.
func Define[C Config](name, summary string, defaults C, open func(C, Env) (Source, error)) Kind {
	fields := fieldsOf(reflect.ValueOf(defaults))
	return Kind{
		Name: name, Summary: summary, Fields: fields,
		decode: func(metadata, later map[string]string) (Config, error) {
			c := defaults
			if err := decodeInto(reflect.ValueOf(&c).Elem(), fields, metadata, later, func() error { return c.Validate() }); err != nil {
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

// decodeInto sets the fields of a config and returns all mistakes. It also validates the fields that it could decode. The fields in later
// get their values later.
func decodeInto(config reflect.Value, fields []Field, metadata, later map[string]string, validate func() error) error {
	all, invalid := unknownKeys(fields, metadata)
	for key := range later {
		invalid[key] = true
	}
	places := structFields(config.Type())
	for i, f := range fields {
		if _, given := metadata[f.Key]; invalid[f.Key] && !given {
			continue // It is reported already, because a misspelt key resembles it, or its value is not known yet.
		}
		if err := setField(config.FieldByIndex(places[i].Index), f, metadata); err != nil {
			all = append(all, err)
			invalid[f.Key] = true
		}
	}
	for _, err := range flatten(validate()) {
		if field, ok := errors.AsType[*FieldError](err); ok && invalid[field.Field] {
			continue // It is reported already, or its value is not known yet.
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
