package e2e

import (
	"context"
	"strings"
	"testing"
)

func TestASourceOnThisMachineIsRefusedUnlessItIsAllowed(t *testing.T) {
	w, s := newWorld(t), newSource(t)
	s.value("4")
	address := freeAddress(t)
	i := &impulse{url: "http://" + address, args: []string{
		"run", "--kubeconfig", w.kubeconfig, "--namespace", w.ns, "--lease-namespace", w.ns, "--listen", address,
	}}
	w.restart(i)
	for name, object := range map[string]string{"web": onQuery("web", s.URL), "worker": onQueue("127.0.0.1:4222")} {
		w.deployment(name, 2)
		w.apply(object)
		w.until(name+" says that its source is refused, and which flag allows it", func(ctx context.Context) (bool, error) {
			said, err := w.kubectl(ctx, "", "get", "so", name, "-o", "jsonpath={.status.conditions}")
			return err == nil && strings.Contains(said, "refused as the address of a source") && strings.Contains(said, "--allow-source-addresses"), i.Err()
		}, func() string { return w.describe(t.Context(), name) })
	}
	w.replicas("web", 2)
	i.Stop()
	i.args = append(i.args, "--allow-source-addresses", "127.0.0.1")
	w.restart(i)
	w.replicas("web", 4)
}
