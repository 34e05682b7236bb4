package triggertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// Incomplete reads a source's JSON answer, and then reads it again with each of its fields in turn deleted or null, and with each
// list of plain values shortened by one. It fails the test unless every reading gives the result of the complete answer or an error,
// because an absent value is never zero.
func Incomplete[T comparable](t *testing.T, answer []byte, read func(answer []byte) (T, error)) {
	t.Helper()
	want, err := read(answer)
	if err != nil {
		t.Fatalf("read the complete answer: %v", err)
	}
	failed := 0
	mutate(t, answer, func(how string, damaged []byte) {
		got, err := read(damaged)
		switch {
		case err != nil:
			failed++
		case got != want:
			t.Errorf("%s: got %v, want %v or an error", how, got, want)
		}
	})
	if failed == 0 {
		t.Error("read depends on no field of the answer")
	}
}

// mutate calls try with an answer in which one thing is missing, for each thing that may be missing.
func mutate(t *testing.T, answer []byte, try func(how string, mutated []byte)) {
	t.Helper()
	var root any
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	w := mutator{try: func(how string) {
		mutated, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		try(how, mutated)
	}}
	w.value("", root, func(v any) { root = v })
}

// mutator changes one place of a JSON tree at a time.
type mutator struct{ try func(how string) }

// value mutates everything in a value. set replaces the value itself.
func (w mutator) value(path string, v any, set func(any)) {
	switch v := v.(type) {
	case map[string]any:
		w.object(path, v)
	case []any:
		w.list(path, v, set)
	}
}

func (w mutator) object(path string, object map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value, at := object[key], path+"."+key
		delete(object, key)
		w.try(at + " is deleted")
		object[key] = nil
		w.try(at + " is null")
		object[key] = value
		w.value(at, value, func(v any) { object[key] = v })
	}
}

// list mutates the elements of a list. It shortens only lists of plain values, such as a time and a number: a list with one object
// fewer is another answer and not an incomplete one.
func (w mutator) list(path string, list []any, set func(any)) {
	plain := len(list) > 0
	for i, value := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		list[i] = nil
		w.try(at + " is null")
		list[i] = value
		w.value(at, value, func(v any) { list[i] = v })
		_, object := value.(map[string]any)
		plain = plain && !object
	}
	if plain {
		set(list[:len(list)-1])
		w.try(path + " is one element shorter")
		set(list)
	}
}
