package policytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/builtin"
)

// BenchmarkTenThousandTests reads and runs 10 000 tests of one step, each with an object of its own.
func BenchmarkTenThousandTests(b *testing.B) {
	var file strings.Builder
	file.WriteString("tests:\n")
	for i := range 10_000 {
		fmt.Fprintf(&file, `- {name: case %d, scaledObject: {apiVersion: impulse.sh/v1alpha1, kind: ScaledObject, metadata: {name: web}, spec: {
    scaleTargetRef: {name: web}, minReplicaCount: 1, maxReplicaCount: 50, triggers: [
      {type: prometheus, name: rps, metadata: {serverAddress: "http://prometheus:9090", query: "sum(rate(requests[1m]))", threshold: 20}}]}},
  inputs: [{trigger: rps, values: %d}], expect: [{at: 0s, replicas: %d}]}
`, i, 20*(i%50+1), i%50+1)
	}
	for b.Loop() {
		tests, problems, err := Load([]string{"-"}, strings.NewReader(file.String()), builtin.Kinds())
		if err != nil || len(problems) > 0 || len(tests) != 10_000 {
			b.Fatal(len(tests), problems, err)
		}
		results, err := Run(b.Context(), tests, false)
		if err != nil || Failed(results) {
			b.Fatal("some failed", err)
		}
	}
}
