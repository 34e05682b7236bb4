package main

import (
	"bytes"
	"os"
	"testing"
)

func TestMain(t *testing.T) {
	t.Run("the page of conditions is up to date", testPageOfConditionsIsUpToDate)
}

func testPageOfConditionsIsUpToDate(t *testing.T) {
	want, err := render("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/conditions.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/conditions.md is stale: run make generate")
	}
}
