package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestReference(t *testing.T) {
	t.Run("the reference is not stale", testReferenceIsNotStale)
}

func testReferenceIsNotStale(t *testing.T) {
	want, err := render(builtin.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/triggers.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/triggers.md is stale: run make generate")
	}
}
