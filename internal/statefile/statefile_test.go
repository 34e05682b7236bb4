package statefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestStateFile(t *testing.T) {
	t.Run("a saved state is loaded", testSavedStateIsLoaded)
	t.Run("a truncated file is set aside", testTruncatedFileIsSetAside)
	t.Run("a file with a flipped bit is set aside or has the same content", testFileWithFlippedBitIsSetAsideOrHasSameContent)
	t.Run("a failed save leaves the old file and nothing else", testFailedSaveLeavesOldFileAndNothingElse)
	t.Run("partial files of a crash are removed", testPartialFilesOfCrashAreRemoved)
}

type state struct {
	Name  string         `json:"name"`
	Count map[string]int `json:"count"`
}

// saveState saves a state, and returns the path and the content of its file.
func saveState(t testing.TB) (path string, raw []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "web.json")
	if err := Save(path, state{"web <ü>", map[string]int{"a": 1, "b": 2}}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, raw
}

func testSavedStateIsLoaded(t *testing.T) {
	path, _ := saveState(t)
	var got state
	if err := Load(path, &got); err != nil || got.Name != "web <ü>" || got.Count["b"] != 2 {
		t.Errorf("loaded %+v, %v; want the saved content", got, err)
	}
	if err := Save(path, state{Name: "newer"}); err != nil {
		t.Fatal(err)
	}
	got = state{}
	if err := Load(path, &got); err != nil || got.Name != "newer" {
		t.Errorf("loaded %+v, %v; want the saved content", got, err)
	}
	if err := Load(path+"-other", &got); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v, want ErrNotExist", err)
	}
}

func testTruncatedFileIsSetAside(t *testing.T) {
	path, raw := saveState(t)
	for n := range raw {
		if err := os.WriteFile(path, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		expectSetAside(t, path)
	}
}

func testFileWithFlippedBitIsSetAsideOrHasSameContent(t *testing.T) {
	path, raw := saveState(t)
	for n := range raw {
		for bit := range 8 {
			other := append([]byte(nil), raw...)
			other[n] ^= 1 << bit
			if err := os.WriteFile(path, other, 0o600); err != nil {
				t.Fatal(err)
			}
			var got state
			// The letters of our own keys may change their case: then nothing is lost.
			if err := Load(path, &got); err == nil && (got.Name != "web <ü>" || got.Count["a"] != 1) {
				t.Fatalf("bit %d of byte %d: read %+v", bit, n, got)
			}
		}
	}
}

// expectSetAside fails the test unless a file is refused and renamed.
func expectSetAside(t *testing.T, path string) {
	t.Helper()
	got := state{Name: "as it was"}
	broken, ok := errors.AsType[*BrokenError](Load(path, &got))
	if !ok || broken.Path != path || broken.Unwrap() == nil {
		t.Fatalf("got %v, want a BrokenError of %s", broken, path)
	}
	if _, err := os.Stat(broken.Aside); err != nil {
		t.Error(err)
	}
	if err := Load(path, &got); !errors.Is(err, fs.ErrNotExist) || got.Name != "as it was" {
		t.Errorf("loaded again: %v, %+v; want ErrNotExist and the content of before", err, got)
	}
}

func testFailedSaveLeavesOldFileAndNothingElse(t *testing.T) {
	path, _ := saveState(t)
	if err := Save(path, func() {}); err == nil {
		t.Error("a function was saved, want an error")
	}
	missing := filepath.Join(filepath.Dir(path), "no", "web.json")
	if err := Save(missing, state{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a missing folder: %v, want ErrNotExist", err)
	}
	var got state
	if err := Load(path, &got); err != nil || got.Name != "web <ü>" {
		t.Errorf("loaded %+v, %v; want the saved content", got, err)
	}
	expectAlone(t, path)
}

func testPartialFilesOfCrashAreRemoved(t *testing.T) {
	path, raw := saveState(t)
	half := filepath.Join(filepath.Dir(path), newFile+"123")
	if err := os.WriteFile(half, raw[:9], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := RemovePartial(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	expectAlone(t, path)
}

// expectAlone fails the test if the folder of a file has other files.
func expectAlone(t *testing.T, path string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(all) != 1 || all[0].Name() != filepath.Base(path) {
		t.Errorf("the folder has %v, %v; want only %s", all, err, filepath.Base(path))
	}
}

func FuzzLoad(f *testing.F) {
	_, raw := saveState(f)
	f.Add(raw)
	f.Add([]byte(`{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		var got state
		if err := Load(path, &got); err != nil {
			if _, ok := errors.AsType[*BrokenError](err); !ok {
				t.Errorf("got %v, want a BrokenError", err)
			}
		}
	})
}
