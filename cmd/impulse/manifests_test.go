package main

import (
	"net"
	"os"
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestManifests(t *testing.T) {
	t.Run("the probes of the manifests have an address of their own", testProbesOfManifestsHaveAddressOfTheirOwn)
}

func testProbesOfManifestsHaveAddressOfTheirOwn(t *testing.T) {
	content, err := os.ReadFile("../../deploy/manifests/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(content, &d); err != nil {
		t.Fatal(err)
	}
	container := d.Spec.Template.Spec.Containers[0]
	run := runCommand()
	if err := run.ParseFlags(container.Args[1:]); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(run.Flag("health-listen").Value.String())
	if err != nil {
		t.Fatal(err)
	}
	ports := map[string]string{}
	for _, p := range container.Ports {
		ports[p.Name] = strconv.Itoa(int(p.ContainerPort))
	}
	for path, probe := range map[string]*corev1.Probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
		if get := probe.HTTPGet; get.Path != path || ports[get.Port.String()] != port {
			t.Errorf("the probe asks %s at port %s: %s at %s was expected", get.Path, get.Port.String(), path, port)
		}
	}
}
