package main

import (
	"context"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/election"
)

// leaderless is the time after which a Lease that is not renewed means that statuses are old. A change of the leader and clocks that differ a
// little cause no warning.
const leaderless = time.Minute

// warnLeaderless prints a warning if no process holds the Lease in a namespace, because the statuses are then those of the last leader, and
// reports whether it did. It prints nothing in file mode, and if the Lease cannot be read: an Impulse may lead with another one.
func (c *cluster) warnLeaderless(ctx context.Context, errs io.Writer, namespace string) bool {
	leader, err := c.leader(ctx, namespace)
	if err != nil || leader.Renewed.IsZero() {
		return false
	}
	age := time.Since(leader.Renewed)
	if age > leaderless {
		fmt.Fprintf(errs, "warning: no Impulse leads: the Lease %s/%s has not been renewed for %s; this is the status of then\n",
			namespace, app.Defaults().LeaseName, age.Truncate(time.Second))
	}
	return age > leaderless
}

// hasLease reports whether there is a Lease in a namespace, or whether that is unknown.
func (c *cluster) hasLease(ctx context.Context, namespace string) bool {
	_, err := c.leader(ctx, namespace)
	return !apierrors.IsNotFound(err)
}

// leader reads who holds the Lease in a namespace; the zero value in file mode.
func (c *cluster) leader(ctx context.Context, namespace string) (election.Leader, error) {
	if c.files != "" {
		return election.Leader{}, nil
	}
	config, err := c.Config()
	if err != nil {
		return election.Leader{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	return election.ReadLeader(ctx, config, namespace, app.Defaults().LeaseName)
}
