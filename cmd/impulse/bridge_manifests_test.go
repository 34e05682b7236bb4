package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestBridgeManifests(t *testing.T) {
	t.Run("both containers have the socket of the bridge in a shared volume, and the bridge has the folder of Kerberos", testBothContainersHaveSocketOfBridge)
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
	folder := corev1.VolumeMount{Name: d.Spec.Template.Spec.Volumes[0].Name, MountPath: filepath.Dir(socket)}
	kerberos := corev1.VolumeMount{Name: d.Spec.Template.Spec.Volumes[1].Name, MountPath: "/tmp/kerberos"}
	for i, want := range [][]corev1.VolumeMount{{folder}, {folder, kerberos}} {
		if c := d.Spec.Template.Spec.Containers[i]; !reflect.DeepEqual(c.VolumeMounts, want) {
			t.Errorf("%s mounts %v, want %v", c.Name, c.VolumeMounts, want)
		}
	}
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.EmptyDir == nil || v.EmptyDir.Medium != corev1.StorageMediumMemory {
			t.Errorf("the volume %s is %+v, want one in memory", v.Name, v.VolumeSource)
		}
	}
	want := "--keda-bridge=unix://" + socket
	if !slices.ContainsFunc(k.Patches, func(p struct{ Path, Patch string }) bool { return strings.Contains(p.Patch, want) }) {
		t.Errorf("got the patches %+v, want one with %s", k.Patches, want)
	}
}
