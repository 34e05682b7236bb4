package election

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/typed"
)

// versionLabel is the label of the Lease with the version of the process that holds it.
const versionLabel = "app.kubernetes.io/version"

// labelsOf returns the labels of a Lease that a process of a version holds.
func labelsOf(version string) map[string]string {
	version = strings.ReplaceAll(version, "+", "_") // As Helm does: a label has no plus.
	if version == "" || len(validation.IsValidLabelValue(version)) > 0 {
		return nil
	}
	return map[string]string{versionLabel: version}
}

// Leader is the process that holds a Lease.
type Leader struct {
	// Identity is "" if no process holds the Lease. Version is "" if that of the process is unknown.
	Identity string
	Version  string
	// Renewed is when the Lease was renewed last.
	Renewed time.Time
}

// ReadLeader reads who holds a Lease.
func ReadLeader(ctx context.Context, config *rest.Config, namespace, name string) (Leader, error) {
	client, err := typed.NewLeases(config, namespace)
	if err != nil {
		return Leader{}, err
	}
	lease, err := client.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Leader{}, fmt.Errorf("read Lease %s/%s: %w", namespace, name, err)
	}
	l := Leader{Version: lease.Labels[versionLabel]}
	if lease.Spec.HolderIdentity != nil {
		l.Identity = *lease.Spec.HolderIdentity
	}
	if lease.Spec.RenewTime != nil {
		l.Renewed = lease.Spec.RenewTime.Time
	}
	return l, nil
}
