package push

import (
	"strings"
	"testing"
)

func TestParseTag(t *testing.T) {
	t.Run("accepts a registry, a repository and a tag", testAcceptsCompleteNames)
	t.Run("suggests a name for one that is missing something or has too much", testSuggestsName)
	t.Run("suggests a name that is accepted", testSuggestionIsAccepted)
	t.Run("gives an example for a name that is beyond repair", testGivesExample)
}

func testAcceptsCompleteNames(t *testing.T) {
	for _, image := range []string{"ghcr.io/you/impulse:v1.2.3", "localhost:5000/impulse:dev", "localhost/impulse:dev", "docker.io/you/impulse:v1", "10.0.0.7:5000/a/b/c:1"} {
		tag, err := ParseTag(image, false)
		if err != nil || tag.String() != image {
			t.Errorf("ParseTag(%q) = %v, %v", image, tag, err)
		}
	}
}

func testSuggestsName(t *testing.T) {
	for image, want := range map[string]string{
		"":                                 "IMAGE is missing: name a registry, a repository and a tag, such as IMAGE=ghcr.io/YOU/impulse:v1.2.3",
		"ghcr.io/you/impulse":              `IMAGE="ghcr.io/you/impulse": the tag is missing; write IMAGE=ghcr.io/you/impulse:v1.2.3`,
		"ghcr.io/you/impulse:":             `IMAGE="ghcr.io/you/impulse:": the tag is missing; write IMAGE=ghcr.io/you/impulse:v1.2.3`,
		"you/impulse:v1":                   `IMAGE="you/impulse:v1": the registry is missing; write IMAGE=docker.io/you/impulse:v1`,
		"docker.io/impulse:v1":             `IMAGE="docker.io/impulse:v1": a repository of Docker Hub begins with its owner; write IMAGE=docker.io/YOU/impulse:v1`,
		"https://ghcr.io/you/impulse:v1":   `IMAGE="https://ghcr.io/you/impulse:v1": the name of an image has no scheme; write IMAGE=ghcr.io/you/impulse:v1`,
		"ghcr.io/You/Impulse:v1":           `IMAGE="ghcr.io/You/Impulse:v1": a repository is in lower case; write IMAGE=ghcr.io/you/impulse:v1`,
		"ghcr.io/you/impulse:v1@sha256:00": `IMAGE="ghcr.io/you/impulse:v1@sha256:00": a digest follows from the content and cannot be chosen; write IMAGE=ghcr.io/you/impulse:v1`,
		"http://you/Impulse": `IMAGE="http://you/Impulse": the name of an image has no scheme, and the registry is missing, and the tag is missing, ` +
			`and a repository is in lower case; write IMAGE=docker.io/you/impulse:v1.2.3`,
	} {
		if _, err := ParseTag(image, false); err == nil || err.Error() != want {
			t.Errorf("ParseTag(%q): got %v, want %s", image, err, want)
		}
	}
}

func testSuggestionIsAccepted(t *testing.T) {
	for _, image := range []string{"impulse", "a/b", "https://x.io/A@sha256:1", "docker.io/a"} {
		_, fixed := mistakes(image)
		fixed = strings.Replace(fixed, "YOU", "you", 1) // It is for the reader to replace.
		if _, err := ParseTag(fixed, false); err != nil {
			t.Errorf("mistakes(%q) suggests %q: %v", image, fixed, err)
		}
	}
}

func testGivesExample(t *testing.T) {
	for _, image := range []string{"ghcr.io/you/impulse:v1 ", "ghcr.io/you/im pulse:v1", "ghcr.io/:v1", "ghcr.io/you/impulse:v1/latest"} {
		_, err := ParseTag(image, false)
		if err == nil || !strings.HasSuffix(err.Error(), "; an example is IMAGE="+exampleTag) {
			t.Errorf("ParseTag(%q): got %v, want an example", image, err)
		}
	}
}
