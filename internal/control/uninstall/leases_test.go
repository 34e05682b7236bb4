package uninstall

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	t.Run("an uninstallation is refused while another Impulse renews its Lease", testUninstallationIsRefusedWhileAnotherImpulseRenewsItsLease)
}

func testUninstallationIsRefusedWhileAnotherImpulseRenewsItsLease(t *testing.T) {
	t.Parallel()
	const identity = "impulse-0_uuid/10.0.0.1:8080/fingerprint"
	for name, c := range map[string]struct {
		namespace, name, holder string
		renews, refused         bool
	}{
		"another that runs":       {"theirs", "impulse", identity, true, true},
		"another name":            {Namespace, "second", identity, true, true},
		"another that crashed":    {"theirs", "impulse", identity, false, false},
		"another that has ended":  {"theirs", "impulse", "", true, false},
		"its own":                 {Namespace, leaseName, identity, true, false},
		"that of another program": {"kube-system", "kube-scheduler", "node_uuid", true, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			renewedAt := time.Now()
			err := refuseOthers(t.Context(), func(context.Context) ([]coordinationv1.Lease, error) {
				if c.renews {
					renewedAt = time.Now()
				}
				at := metav1.NewMicroTime(renewedAt)
				return []coordinationv1.Lease{{
					ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: c.name},
					Spec:       coordinationv1.LeaseSpec{HolderIdentity: &c.holder, RenewTime: &at},
				}}, nil
			})
			if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "another Impulse runs with the Lease "+c.namespace+"/"+c.name) {
				t.Errorf("%s: got %v; refused must be %t", name, err, c.refused)
			}
		})
	}
}
