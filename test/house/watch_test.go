package house

import (
	"regexp"
	"testing"
)

func TestWatches(t *testing.T) {
	t.Run("are started by kube/watch, and by three streams with one reader each", testWatchesAreStartedByFewFiles)
}

func testWatchesAreStartedByFewFiles(t *testing.T) {
	starts := regexp.MustCompile(`\bcache\.New(Reflector|\w*Informer)\w*\(|\bNewSharedInformerFactory\w*\(`)
	allowed := map[string]bool{
		"internal/kube/watch/run.go": false, "internal/control/controller/cluster.go": false,
		"internal/control/kedawatch/kedawatch.go": false, "internal/control/kedawatch/operator.go": false,
	}
	for _, f := range files(t) {
		if f.test() || !starts.MatchString(f.source) {
			continue
		}
		if _, ok := allowed[f.path]; !ok {
			t.Errorf("%s starts a watch with client-go: use internal/kube/watch (docs/design/0007)", f.path)
		}
		allowed[f.path] = true
	}
	for path, found := range allowed {
		if !found {
			t.Errorf("%s starts no watch: take it off the list", path)
		}
	}
}
