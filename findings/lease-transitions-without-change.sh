#!/usr/bin/env bash
# client-go 0.37.2: leaseTransitions of a Lease grows although the same process leads before and after.
#
# Expected: leaseTransitions counts the changes of the holder, as the API reference says ("the number of transitions of a lease between
# holders"): one process that leads, stops and leads again leaves it at 0, as it does when it stops without a release.
# Actual: with ReleaseOnCancel, each return of the same holder counts as a change, because the Lease had no holder in between. Who compares
# the number to find out whether another process has led in between, or alerts on its growth, sees a change of leader that was none.
# Workaround: read a higher number as "another process may have led", never as "another one has".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// lead leads once with the identity a, and stops.
func lead(client *fake.Clientset, release bool) {
	ctx, stop := context.WithCancel(klog.NewContext(context.Background(), klog.Logger{}))
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Namespace: "n", Name: "l"}, Client: client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: "a"},
		},
		LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: time.Second, ReleaseOnCancel: release,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { stop() }, OnStoppedLeading: func() {}},
	})
}

func main() {
	for _, release := range []bool{false, true} {
		client := fake.NewClientset()
		for range 3 {
			lead(client, release)
		}
		lease, err := client.CoordinationV1().Leases("n").Get(context.Background(), "l", metav1.GetOptions{})
		if err != nil {
			panic(err)
		}
		fmt.Println("release:", release, "transitions:", *lease.Spec.LeaseTransitions)
	}
}
GO
go mod init example.test/transitions >/dev/null 2>&1
go get k8s.io/client-go@v0.37.2 >/dev/null 2>&1
seen=$(go run . 2>/dev/null)
echo "$seen"
[ "$seen" = "release: false transitions: 0
release: true transitions: 2" ]
