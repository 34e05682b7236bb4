package controller

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestFolder(t *testing.T) {
	t.Run("a file and its changes are followed", testFileAndItsChangesAreFollowed)
	t.Run("a new file is followed, and a deleted file leaves the count", testNewFileIsFollowedAndDeletedFileLeavesCount)
	t.Run("deleting the last file ends its object and is logged once", testDeletingLastFileEndsItsObjectAndIsLoggedOnce)
	t.Run("a broken file keeps its last valid version and is logged", testBrokenFileKeepsItsLastValidVersionAndIsLogged)
	t.Run("a broken file is logged once and does not affect the others", testBrokenFileIsLoggedOnceAndDoesNotAffectOthers)
	t.Run("a missing folder keeps every object until it is back, and is logged once", testMissingFolderKeepsEveryObjectUntilItIsBackAndIsLoggedOnce)
	t.Run("a mounted file is followed when its folder's link is switched", testMountedFileIsFollowedWhenItsFoldersLinkIsSwitched)
	t.Run("other namespaces are left alone", testOtherNamespacesAreLeftAlone)
	t.Run("the folder of states survives the process", testFolderOfStatesSurvivesProcess)
	t.Run("an unreadable state is unknown and is reported", testUnreadableStateIsUnknownAndIsReported)
	t.Run("a lost state counts as one that was active just now", testLostStateCountsAsOneThatWasActiveJustNow)
}

// journal is a log in memory.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds a line.
func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// files is a folder of objects that a controller follows, and a folder of states.
type files struct {
	*env

	dir, states string
	log         *journal
	following   sync.WaitGroup
}

// inFolder runs a test with a folder that holds web.yaml.
func inFolder(t *testing.T, test func(t *testing.T, f *files)) {
	t.Helper()
	in(t, func(t *testing.T, e *env) {
		f := &files{env: e, dir: t.TempDir(), states: t.TempDir(), log: &journal{}}
		f.write("web.yaml", objectYAML("web", 10))
		f.follow("")
		test(t, f)
		e.end()
		f.following.Wait()
	})
}

// follow starts to read the folder, as a process that has just started.
func (f *files) follow(namespace string) {
	f.t.Helper()
	states, err := NewStates(f.states)
	if err != nil {
		f.t.Fatal(err)
	}
	f.store.to = states
	folder := &Folder{
		Path: f.dir, Namespace: namespace, Kinds: []triggers.Kind{f.fakes.kind()}, States: states,
		Log: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	f.following.Go(func() { folder.Run(f.ctx, f.controller, func() {}) })
	f.awaitStatuses()
}

// restart ends the term of leadership and starts another one, as a new process would.
func (f *files) restart() {
	f.t.Helper()
	f.stop()
	f.following.Wait()
	f.begin(nil)
	f.follow("")
}

// write replaces a file and waits until it has been read.
func (f *files) write(name, content string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.awaitStatuses()
}

// objectYAML returns an object with a name and a maximum, on the level and the Deployment of that name.
func objectYAML(name string, most int) string {
	return fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s, namespace: shop}
spec:
  scaleTargetRef: {name: %[1]s}
  minReplicaCount: 1
  maxReplicaCount: %[2]d
  cooldownPeriod: 0
  triggers: [{type: fake, metadata: {level: %[1]s}}]
`, name, most)
}

func testFileAndItsChangesAreFollowed(t *testing.T) {
	inFolder(t, func(_ *testing.T, f *files) {
		f.setLevel("web", 8)
		f.want("web", 8)
		f.write("web.yaml", objectYAML("web", 4))
		f.want("web", 4)
		f.expectSources("web", 1, 1)
	})
}

func testNewFileIsFollowedAndDeletedFileLeavesCount(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		f.setLevel("api", 3)
		f.write("api.yaml", objectYAML("api", 10))
		f.want("api", 3)
		if err := os.Remove(filepath.Join(f.dir, "api.yaml")); err != nil {
			t.Fatal(err)
		}
		f.awaitStatuses()
		f.expectSources("api", 1, 0)
		f.want("api", 3)
		f.setLevel("web", 5)
		f.want("web", 5)
	})
}

func testDeletingLastFileEndsItsObjectAndIsLoggedOnce(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		f.setLevel("web", 3)
		f.want("web", 3)
		if err := os.Remove(filepath.Join(f.dir, "web.yaml")); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		f.expectSources("web", 1, 0)
		f.setLevel("web", 7)
		f.want("web", 3)
		if n := strings.Count(f.log.String(), "level=WARN"); n != 1 {
			t.Errorf("got %d warnings, want 1:\n%s", n, f.log.String())
		}
		f.write("web.yaml", objectYAML("web", 10))
		f.want("web", 7)
	})
}

func testBrokenFileKeepsItsLastValidVersionAndIsLogged(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		for name, broken := range map[string]string{
			"no YAML":           "spec: [",
			"no such field":     strings.Replace(objectYAML("web", 10), "minReplicaCount", "minReplicas", 1),
			"no such parameter": strings.Replace(objectYAML("web", 10), "level: web", "leve: web", 1),
			"nothing at all":    "",
		} {
			f.write("web.yaml", broken)
			output := f.log.String()
			if !strings.Contains(output, "file has a mistake") || !strings.Contains(output, "last good version stays in effect") || !strings.Contains(output, "web.yaml") {
				t.Errorf("%s: got the log\n%swant a mistake in web.yaml whose last good version stays in effect", name, output)
			}
			f.expectSources("web", 1, 1)
			f.setLevel("web", 5)
			f.want("web", 5)
			f.setLevel("web", 2)
			f.want("web", 2)
			f.write("web.yaml", objectYAML("web", 10))
			f.log.text.Reset()
		}
		f.write("web.yaml", objectYAML("web", 4))
		f.setLevel("web", 9)
		f.want("web", 4)
	})
}

func testBrokenFileIsLoggedOnceAndDoesNotAffectOthers(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		f.write("api.yaml", "spec: [")
		pass(time.Hour)
		if n := strings.Count(f.log.String(), "file has a mistake"); n != 1 {
			t.Errorf("the mistake was logged %d times, want once:\n%s", n, f.log.String())
		}
		f.setLevel("web", 5)
		f.want("web", 5)
	})
}

func testMissingFolderKeepsEveryObjectUntilItIsBackAndIsLoggedOnce(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		away := f.dir + "-away"
		if err := os.Rename(f.dir, away); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		f.setLevel("web", 5)
		f.want("web", 5)
		f.expectSources("web", 1, 1)
		if n := strings.Count(f.log.String(), "files cannot be read"); n != 1 {
			t.Errorf("that files cannot be read was logged %d times, want once:\n%s", n, f.log.String())
		}
		if err := os.Rename(away, f.dir); err != nil {
			t.Fatal(err)
		}
		f.write("web.yaml", objectYAML("web", 3))
		f.want("web", 3)
	})
}

func testMountedFileIsFollowedWhenItsFoldersLinkIsSwitched(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		mount := t.TempDir()
		for version, most := range map[string]int{"v1": 10, "v2": 4} {
			if err := errors.Join(
				os.Mkdir(filepath.Join(mount, version), 0o700),
				os.WriteFile(filepath.Join(mount, version, "web.yaml"), []byte(objectYAML("web", most)), 0o600),
				os.Symlink(version, filepath.Join(mount, "to-"+version)),
			); err != nil {
				t.Fatal(err)
			}
		}
		link, data := filepath.Join(f.dir, "web.yaml"), filepath.Join(mount, "..data")
		if err := errors.Join(
			os.Rename(filepath.Join(mount, "to-v1"), data), os.Remove(link), os.Symlink(filepath.Join(data, "web.yaml"), link),
		); err != nil {
			t.Fatal(err)
		}
		f.setLevel("web", 9)
		f.want("web", 9)
		if err := os.Rename(filepath.Join(mount, "to-v2"), data); err != nil {
			t.Fatal(err)
		}
		f.awaitStatuses()
		f.want("web", 4)
	})
}

func testOtherNamespacesAreLeftAlone(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		f := &files{env: e, dir: t.TempDir(), states: t.TempDir(), log: &journal{}}
		f.write("web.yaml", objectYAML("web", 10))
		f.write("theirs.yaml", strings.Replace(objectYAML("theirs", 10), "namespace: shop", "namespace: other", 1))
		f.follow("shop")
		f.expectSources("web", 1, 1)
		f.expectSources("theirs", 0, 0)
		e.end()
		f.following.Wait()
	})
}

// limitRate returns a manifest with a rate policy: four replicas more in each minute.
func limitRate(text string) string {
	return strings.Replace(text, "  triggers:",
		"  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleUp: {policies: [{type: Pods, value: 4, periodSeconds: 60}]}}}}\n  triggers:", 1)
}

func testFolderOfStatesSurvivesProcess(t *testing.T) {
	inFolder(t, func(_ *testing.T, f *files) {
		f.write("web.yaml", limitRate(objectYAML("web", 10)))
		f.setLevel("web", 9)
		f.want("web", 5)
		f.restart()
		f.want("web", 5) // Four in this minute already, according to the state.
		pass(time.Minute)
		f.want("web", 9)
		f.expectReady("web", "Ready")
	})
}

func testUnreadableStateIsUnknownAndIsReported(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		f.setLevel("web", 6)
		f.stop()
		f.following.Wait()
		path := filepath.Join(f.states, "shop,web.json")
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		f.begin(nil)
		f.follow("")
		if !strings.Contains(f.log.String(), "stored status of the object cannot be read") {
			t.Errorf("with a broken status file, got the log\n%swant \"stored status of the object cannot be read\"", f.log.String())
		}
		f.want("web", 6)
		f.setLevel("web", 7)
		f.want("web", 7)
	})
}

func testLostStateCountsAsOneThatWasActiveJustNow(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		resting := strings.NewReplacer("minReplicaCount: 1", "minReplicaCount: 0", "cooldownPeriod: 0", "cooldownPeriod: 600").Replace(objectYAML("web", 10))
		f.write("web.yaml", resting)
		f.setLevel("web", 6)
		f.stop()
		f.following.Wait()
		f.fakes.set("web", 0)
		path := filepath.Join(f.states, "shop,web.json")
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		f.begin(nil)
		f.follow("")
		pass(9 * time.Minute)
		f.want("web", 6)
		if _, err := os.Stat(path + ".broken"); err != nil || !strings.Contains(f.log.String(), "was set aside") {
			t.Errorf("with a broken status file, got error %v of its renamed copy, and the log\n%swant a copy, and \"was set aside\"", err, f.log.String())
		}
		pass(2 * time.Minute)
		f.want("web", 0)
	})
}
