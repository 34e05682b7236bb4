package sbom

import (
	"runtime/debug"
	"testing"
)

func TestComponent(t *testing.T) {
	const sum, hash = "h1:iUZFNSH0nmTP6kHDxmFoxVDvQ7iRtzO9sw9CzC3zJNM=", "8946453521f49e64cfea41c3c66168c550ef43b891b733bdb30f42cc2df324d3"
	t.Run("has the module's version and checksum", func(t *testing.T) {
		c := component(debug.Module{Path: "k8s.io/client-go", Version: "v0.37.2", Sum: sum})
		if c.PackageURL != "pkg:golang/k8s.io/client-go@v0.37.2" || c.Version != "v0.37.2" || (*c.Hashes)[0].Value != hash {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("is the module that replaces another", func(t *testing.T) {
		c := component(debug.Module{Path: "a.io/b", Version: "v1.0.0", Replace: &debug.Module{Path: "c.io/d", Version: "v2.0.0", Sum: sum}})
		if c.PackageURL != "pkg:golang/c.io/d@v2.0.0" || (*c.Hashes)[0].Value != hash {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("keeps the name of a module of which a folder has a copy, without the original's checksum", func(t *testing.T) {
		c := component(debug.Module{Path: "a.io/b", Version: "v1.0.0", Sum: sum, Replace: &debug.Module{Path: "./third_party/b", Version: "(devel)"}})
		if c.PackageURL != "pkg:golang/a.io/b@v1.0.0" || c.Hashes != nil || c.Pedigree.Notes != "a changed copy, in third_party/b of the source" {
			t.Errorf("got %+v", c)
		}
	})
}

func TestGoVersion(t *testing.T) {
	t.Run("is the version of the standard library", func(t *testing.T) {
		for version, want := range map[string]string{"go1.26.8": "1.26.8", "go1.27rc1": "1.27rc1", "go1.26.8 X:nodwarf5": "1.26.8"} {
			if got := goVersion(version); got != want {
				t.Errorf("goVersion(%q) = %q, want %q", version, got, want)
			}
		}
	})
}
