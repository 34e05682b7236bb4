package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreate(t *testing.T) {
	t.Run("a name that is no type of trigger is refused", testNameThatIsNoTypeOfTriggerIsRefused)
	t.Run("nothing is overwritten", testNothingIsOverwritten)
}

func testNameThatIsNoTypeOfTriggerIsRefused(t *testing.T) {
	for _, name := range []string{"", "Queue", "my_queue", "../queue", "-queue", "queue-", "my--queue", "1queue"} {
		root := t.TempDir()
		if _, err := create(root, name); err == nil || !strings.Contains(err.Error(), "is not a type of trigger: write lower-case letters") {
			t.Errorf("%q: got error %v, want one that says how to write a type", name, err)
		}
		if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
			t.Errorf("%q: wrote %v, error %v; want nothing", name, entries, err)
		}
	}
}

func testNothingIsOverwritten(t *testing.T) {
	root := t.TempDir()
	written, err := create(root, "my-queue")
	if err != nil || len(written) != 6 {
		t.Fatalf("wrote %v, error %v; want six files", written, err)
	}
	before, err := os.ReadFile(filepath.Join(root, "triggers", "myqueue", "myqueue.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"my-queue", "myqueue", "my-q-ueue"} { // They have the same folder.
		if _, err := create(root, name); err == nil || !strings.Contains(err.Error(), "exists: choose another name") {
			t.Errorf("%s: got error %v, want that the folder exists", name, err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(root, "triggers", "myqueue", "myqueue.go")); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed, error %v", err)
	}
}
