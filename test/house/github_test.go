package house

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// pinned matches an action at a commit, with the version of the commit in a comment.
var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+( #.*)?$`)

func TestWorkflows(t *testing.T) {
	t.Run("what pull requests run is .ci/run", func(t *testing.T) {
		if !strings.Contains(read(t, ".github/workflows/ci.yml"), "\n    - run: .ci/run\n") {
			t.Error("ci.yml has no step that runs .ci/run: developers and continuous integration would run different things")
		}
	})
	t.Run("every action is pinned to a commit", func(t *testing.T) {
		for _, path := range glob(t, ".github/workflows/*.yml") {
			for line := range strings.Lines(read(t, path)) {
				_, action, uses := strings.Cut(strings.TrimSpace(line), "uses: ")
				if uses && !pinned.MatchString(action) {
					t.Errorf("%s: got %q, want OWNER/NAME@COMMIT # vX.Y.Z", path, action)
				}
			}
		}
	})
	t.Run("everything in .github is valid YAML", func(t *testing.T) {
		for _, path := range slices.Concat(glob(t, ".github/*.yml"), glob(t, ".github/*/*.yml")) {
			var content map[string]any
			if err := yaml.Unmarshal([]byte(read(t, path)), &content); err != nil || len(content) == 0 {
				t.Errorf("%s: got %v, %v", path, content, err)
			}
		}
	})
}

func TestDependabot(t *testing.T) {
	t.Run("every Go module is updated", func(t *testing.T) {
		var config struct {
			Updates []struct {
				Ecosystem   string   `yaml:"package-ecosystem"`
				Directories []string `yaml:"directories"`
			} `yaml:"updates"`
		}
		if err := yaml.Unmarshal([]byte(read(t, ".github/dependabot.yml")), &config); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range config.Updates {
			if u.Ecosystem == "gomod" {
				got = append(got, u.Directories...)
			}
		}
		slices.Sort(got)
		if want := modules(t); !slices.Equal(got, want) {
			t.Errorf(".github/dependabot.yml: got gomod directories %v, want %v", got, want)
		}
	})
}

// modules returns the folders of our own Go modules, sorted, as dependabot writes them: "/" is the root.
func modules(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "third_party") {
			return fs.SkipDir
		}
		if d.Name() == "go.mod" {
			dir, err := filepath.Rel(root, filepath.Dir(path))
			all = append(all, strings.TrimSuffix("/"+filepath.ToSlash(dir), "."))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// glob returns the files that match a pattern below the root, as paths from there.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: got %v, %v, want files", pattern, found, err)
	}
	for i := range found {
		found[i] = strings.TrimPrefix(filepath.ToSlash(found[i]), root+"/")
	}
	return found
}
