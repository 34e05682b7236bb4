package triggertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// Incomplete reads a source's answer, and then reads it again with each of its fields in turn deleted or null, and with each
// list of plain values cut short. Every time it wants what the whole answer says, or an error: absent is never zero.
func Incomplete[T comparable](t *testing.T, answer []byte, read func(answer []byte) (T, error)) {
	t.Helper()
	want, err := read(answer)
	if err != nil {
		t.Fatalf("the whole answer is unknown: %v", err)
	}
	refused := 0
	damage(t, answer, func(how string, damaged []byte) {
		got, err := read(damaged)
		switch {
		case err != nil:
			refused++
		case got != want:
			t.Errorf("%s: it is read as %v, want %v or unknown", how, got, want)
		}
	})
	if refused == 0 {
		t.Error("no field of the answer matters: it is not the answer that is read")
	}
}

// damage calls try with an answer that lacks one thing, for each thing that it may lack.
func damage(t *testing.T, answer []byte, try func(how string, damaged []byte)) {
	t.Helper()
	var root any
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	w := wrecker{try: func(how string) {
		damaged, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		try(how, damaged)
	}}
	w.value("", root, func(v any) { root = v })
}

// wrecker damages one place of a JSON tree at a time.
type wrecker struct{ try func(how string) }

// value damages what stands in a value; set puts another in its place.
func (w wrecker) value(path string, v any, set func(any)) {
	switch v := v.(type) {
	case map[string]any:
		w.object(path, v)
	case []any:
		w.list(path, v, set)
	}
}

func (w wrecker) object(path string, object map[string]any) {
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

// list damages the elements of a list. Only one of plain values, such as a time and a number, is cut short: one object fewer
// in a list is another answer, not an incomplete one.
func (w wrecker) list(path string, list []any, set func(any)) {
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
		w.try(path + " is cut short")
		set(list)
	}
}
