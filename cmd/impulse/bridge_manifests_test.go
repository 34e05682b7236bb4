package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

func TestBridgeManifests(t *testing.T) {
	t.Run("both containers have the socket of the bridge in a shared volume", testBothContainersHaveSocketOfBridge)
}

func testBothContainersHaveSocketOfBridge(t *testing.T) {
	var d appsv1.Deployment
	var k struct {
		Patches []struct{ Path, Patch string }
	}
	for file, into := range map[string]any{"sidecar.yaml": &d, "kustomization.yaml": &k} {
		content, err := os.ReadFile(filepath.Join("../../deploy/keda-bridge/manifests", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(content, into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	bridge := d.Spec.Template.Spec.Containers[1]
	socket, ok := strings.CutPrefix(bridge.Args[0], "--listen=unix://")
	if !ok {
		t.Fatalf("the bridge has the arguments %q, want a socket", bridge.Args)
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		if len(c.VolumeMounts) != 1 || c.VolumeMounts[0].MountPath != filepath.Dir(socket) || c.VolumeMounts[0].Name != d.Spec.Template.Spec.Volumes[0].Name {
			t.Errorf("%s mounts %v, want the folder of %s", c.Name, c.VolumeMounts, socket)
		}
	}
	want := "--keda-bridge=unix://" + socket
	if !slices.ContainsFunc(k.Patches, func(p struct{ Path, Patch string }) bool { return strings.Contains(p.Patch, want) }) {
		t.Errorf("got the patches %+v, want one with %s", k.Patches, want)
	}
}
