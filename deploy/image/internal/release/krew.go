package release

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// These are the parts of krew's manifest that Impulse uses: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest.
type (
	krewPlugin struct {
		APIVersion string       `yaml:"apiVersion"`
		Kind       string       `yaml:"kind"`
		Metadata   krewMetadata `yaml:"metadata"`
		Spec       krewSpec     `yaml:"spec"`
	}
	krewMetadata struct {
		Name string `yaml:"name"`
	}
	krewSpec struct {
		Version          string         `yaml:"version"`
		Homepage         string         `yaml:"homepage"`
		ShortDescription string         `yaml:"shortDescription"`
		Description      string         `yaml:"description"`
		Caveats          string         `yaml:"caveats"`
		Platforms        []krewPlatform `yaml:"platforms"`
	}
	krewPlatform struct {
		Selector krewSelector `yaml:"selector"`
		URI      string       `yaml:"uri"`
		SHA256   string       `yaml:"sha256"`
		Files    []krewFile   `yaml:"files"`
		Bin      string       `yaml:"bin"`
	}
	krewSelector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	krewFile struct {
		From string `yaml:"from"`
		To   string `yaml:"to"`
	}
)

const krewDescription = `Impulse scales workloads within milliseconds of an event: an alert fires, a queue
fills, a schedule starts, or a query crosses its target.

This plugin checks, tests and simulates ScaledObjects before they are applied, and
explains why a workload has its replica count. It is the same program that runs in
the cluster.
`

// completerName is the program that kubectl asks to complete the arguments of the plugin, and completer its content, which
// impulse completion kubectl prints, too.
const (
	completerName = "kubectl_complete-impulse"
	completer     = `#!/bin/sh
# kubectl_complete-impulse: kubectl runs it to complete "kubectl impulse". Put it on the PATH, and make it executable.
exec kubectl impulse __complete "$@"
`
)

// krewCaveats is printed after the installation. krew puts only the plugin itself on the PATH.
const krewCaveats = `To complete names and flags of "kubectl impulse", kubectl needs one more program on the PATH:
  kubectl impulse completion kubectl > "${KREW_ROOT:-$HOME/.krew}/bin/kubectl_complete-impulse"
  chmod +x "${KREW_ROOT:-$HOME/.krew}/bin/kubectl_complete-impulse"
`

// krewManifest returns the manifest of the kubectl plugin.
func krewManifest(version string, archives []archive) ([]byte, error) {
	plugin := krewPlugin{
		APIVersion: "krew.googlecontainertools.github.com/v1alpha2",
		Kind:       "Plugin",
		Metadata:   krewMetadata{Name: pluginName},
		Spec: krewSpec{
			Version:          version,
			Homepage:         source,
			ShortDescription: "Check, test and explain event-driven autoscaling",
			Description:      krewDescription,
			Caveats:          krewCaveats,
		},
	}
	for _, a := range archives {
		files := []krewFile{{From: a.program, To: "."}, {From: licenseName, To: "."}}
		if a.completes() {
			files = append(files, krewFile{From: completerName, To: "."})
		}
		plugin.Spec.Platforms = append(plugin.Spec.Platforms, krewPlatform{
			Selector: krewSelector{MatchLabels: map[string]string{"os": a.os, "arch": a.arch}},
			URI:      fmt.Sprintf("%s/releases/download/%s/%s", source, version, a.file),
			SHA256:   a.sha256,
			Files:    files,
			Bin:      a.program,
		})
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(plugin); err != nil {
		return nil, fmt.Errorf("write the manifest for krew: %w", err)
	}
	return out.Bytes(), nil
}
