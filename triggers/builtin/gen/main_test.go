package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTheListOfKindsIsNotStale(t *testing.T) {
	want, err := list("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../kinds.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("triggers/builtin/kinds.go is stale: run make generate. Expected:\n%s", want)
	}
}
