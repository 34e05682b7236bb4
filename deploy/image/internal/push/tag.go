package push

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

const exampleTag = "ghcr.io/YOU/impulse:v1.2.3"

// ParseTag parses the name that an image is pushed to: a registry, a repository and a tag. It accepts no defaults, because an image that is
// pushed to another place than intended may be public there. plainHTTP is for registries without TLS.
func ParseTag(image string, plainHTTP bool) (name.Tag, error) {
	if image == "" {
		return name.Tag{}, errors.New("IMAGE is missing: name a registry, a repository and a tag, such as IMAGE=" + exampleTag)
	}
	problems, fixed := mistakes(image)
	if len(problems) > 0 {
		return name.Tag{}, fmt.Errorf("IMAGE=%q: %s; write IMAGE=%s", image, strings.Join(problems, ", and "), fixed)
	}
	options := []name.Option{name.StrictValidation}
	if plainHTTP {
		options = append(options, name.Insecure)
	}
	tag, err := name.NewTag(image, options...)
	if err != nil {
		return name.Tag{}, fmt.Errorf("IMAGE=%q is no name of an image: %w; an example is IMAGE=%s", image, err, exampleTag)
	}
	return tag, nil
}

// mistakes returns what is wrong with a name, and the name without these mistakes.
func mistakes(image string) (problems []string, fixed string) {
	add := func(problem string) { problems = append(problems, problem) }
	if _, rest, found := strings.Cut(image, "://"); found {
		add("the name of an image has no scheme")
		image = rest
	}
	if before, _, found := strings.Cut(image, "@"); found {
		add("a digest follows from the content and cannot be chosen")
		image = before
	}
	host, path, found := strings.Cut(image, "/")
	if !found || !strings.ContainsAny(host, ".:") && host != "localhost" {
		add("the registry is missing")
		host, path = "docker.io", image
	}
	path, tag, found := strings.Cut(path, ":")
	if !found || tag == "" {
		add("the tag is missing")
		tag = "v1.2.3"
	}
	if lower := strings.ToLower(path); lower != path {
		add("a repository is in lower case")
		path = lower
	}
	if host == "docker.io" && !strings.Contains(path, "/") {
		add("a repository of Docker Hub begins with its owner")
		path = "YOU/" + path
	}
	return problems, host + "/" + path + ":" + tag
}
