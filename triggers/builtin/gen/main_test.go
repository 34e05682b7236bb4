package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestGenerate(t *testing.T) {
	t.Run("the lists of kinds are not stale", testListsOfKindsAreNotStale)
}

func testListsOfKindsAreNotStale(t *testing.T) {
	files, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("triggers/builtin/%s is stale: run make generate. Expected:\n%s", name, want)
		}
	}
	written, err := filepath.Glob("../kinds*.go")
	if err != nil || len(written) != len(files) {
		t.Errorf("there are %d generated files %q, want %d: delete those of folders that are gone, %v", len(written), written, len(files), err)
	}
}
