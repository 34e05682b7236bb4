package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestEgress(t *testing.T) {
	t.Parallel()
	t.Run("a source on this machine is refused, unless it is allowed", testSourceOnThisMachineIsRefusedUnlessItIsAllowed)
}

func testSourceOnThisMachineIsRefusedUnlessItIsAllowed(t *testing.T) {
	e, s := newEnv(t), newSource(t)
	s.value("4")
	address := testkit.FreeAddress(t)
	i := &impulse{url: "http://" + address, args: []string{
		"run", "--kubeconfig", e.Kubeconfig, "--namespace", e.Namespace, "--lease-namespace", e.Namespace, "--listen", address,
	}}
	e.restart(i)
	for name, object := range map[string]string{"web": onQuery("web", s.URL), "worker": onQueue("127.0.0.1:4222")} {
		e.ApplyDeployment(name, 2)
		e.Apply(object)
		e.until(name+" reports that its source is refused, and which flag allows it", func(ctx context.Context) (bool, error) {
			text, err := e.Kubectl(ctx, "", "get", "so", name, "-o", "jsonpath={.status.conditions}")
			return err == nil && strings.Contains(text, "refused as the address of a source") && strings.Contains(text, "--allow-source-addresses"), i.Err()
		}, func() string { return e.Describe(e.t.Context(), name) })
	}
	e.AwaitReplicas("web", 2)
	i.Stop()
	i.args = append(i.args, "--allow-source-addresses", "127.0.0.1")
	e.restart(i)
	e.AwaitReplicas("web", 4)
}
