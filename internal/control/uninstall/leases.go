package uninstall

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/typed"
)

const (
	// leaseName is the name of the Lease of deploy/manifests and of the chart.
	leaseName = "impulse"
	// renewed is a time in which a running Impulse renews its Lease, also if another replica takes over.
	renewed = 6 * time.Second
	// identityParts is the number of parts, separated by slashes, of the holder identity of an Impulse.
	identityParts = 3
)

// readLeases returns a function that reads the Leases of all namespaces.
func readLeases(config *rest.Config) (func(context.Context) ([]coordinationv1.Lease, error), error) {
	c, err := typed.NewLeases(config, "")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]coordinationv1.Lease, error) {
		list, err := c.List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("find other releases of Impulse: list the Leases: %w", err)
		}
		return list.Items, nil
	}, nil
}

// otherHeld returns the Leases that another Impulse than the one in Namespace holds, with the time of the last renewal.
func otherHeld(leases []coordinationv1.Lease) map[string]string {
	held := map[string]string{}
	for i := range leases {
		l := &leases[i]
		if l.Spec.HolderIdentity == nil || l.Spec.RenewTime == nil || l.Namespace == Namespace && l.Name == leaseName {
			continue
		}
		if len(strings.Split(*l.Spec.HolderIdentity, "/")) == identityParts {
			held[l.Namespace+"/"+l.Name] = l.Spec.RenewTime.String()
		}
	}
	return held
}

// refuseOthers returns an error if another Impulse runs: it would lose its ScaledObjects. The Lease of one that crashed is still held, so
// only a Lease that is renewed counts. Their clocks need not agree with that of this machine. read returns all Leases.
func refuseOthers(ctx context.Context, read func(context.Context) ([]coordinationv1.Lease, error)) error {
	leases, err := read(ctx)
	before := otherHeld(leases)
	if err != nil || len(before) == 0 {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(renewed):
	}
	if leases, err = read(ctx); err != nil {
		return err
	}
	after := otherHeld(leases)
	var running []string
	for name, at := range after {
		if before[name] != at {
			running = append(running, name)
		}
	}
	if len(running) == 0 {
		return nil
	}
	slices.Sort(running)
	return fmt.Errorf("nothing was changed: another Impulse runs with the Lease %s, and would lose its ScaledObjects: remove it first; or keep the "+
		"CustomResourceDefinitions, delete only your own ScaledObjects, and then remove your release by helm uninstall", strings.Join(running[:min(len(running), maxNamed)], ", "))
}
