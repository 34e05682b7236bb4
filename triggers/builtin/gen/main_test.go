package main

import (
	"bytes"
	"os"
	"testing"
)

func TestGenerate(t *testing.T) {
	t.Run("the list of kinds is not stale", testListOfKindsIsNotStale)
}

func testListOfKindsIsNotStale(t *testing.T) {
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
