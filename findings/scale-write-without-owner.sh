#!/usr/bin/env bash
# Kubernetes 1.37.2 (apimachinery 0.37.2): a count that is written through /scale with a field manager may have no owner.
#
# Expected: a write of spec.replicas through /scale makes its field manager the owner, as a write of the workload itself does, so a
# server-side apply with another count fails with a conflict: since 1.22 ownership is tracked through /scale.
# Actual: it is tracked only if the count already has an owner. If the workload was applied server-side without replicas, as autoscaled
# workloads should be, the count has no owner, and no write through /scale changes that. A write of 0 removes every owner, and later
# writes do not add one. Every server-side apply with replicas, even without --force-conflicts, then resets the count.
# Workaround: do not rely on a conflict, leave replicas out of the manifest; and do not select an autoscaler's count by its field manager
# (Argo CD's managedFieldsManagers).
#
# This script runs the API server's own code for /scale: it converts the managed fields of the workload to those of the Scale, records the
# write there, and converts them back. The /scale of a Deployment on a real API server gives the same result.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

var scheme = runtime.NewScheme()

// write is a write through /scale by the field manager "autoscaler" of a Deployment with these managed fields.
func write(owned []metav1.ManagedFieldsEntry, from, to int32) []metav1.ManagedFieldsEntry {
	apps := schema.GroupVersion{Group: "apps", Version: "v1"}
	paths := managedfields.ResourcePathMappings{apps.String(): fieldpath.MakePathOrDie("spec", "replicas")}
	handler := managedfields.NewScaleHandler(owned, apps, paths)
	manager, err := managedfields.NewDefaultFieldManager(managedfields.NewDeducedTypeConverter(), scheme, scheme, scheme,
		autoscalingv1.SchemeGroupVersion.WithKind("Scale"), autoscalingv1.SchemeGroupVersion, "scale", nil)
	check(err)
	scale := func(replicas int32) *autoscalingv1.Scale {
		s := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
		s.SetGroupVersionKind(autoscalingv1.SchemeGroupVersion.WithKind("Scale"))
		s.Name, s.UID = "web", "u"
		return s
	}
	before := scale(from)
	before.ManagedFields, err = handler.ToSubresource()
	check(err)
	after, err := manager.Update(before, scale(to), "autoscaler")
	check(err)
	owned, err = handler.ToParent(after.(*autoscalingv1.Scale).ManagedFields)
	check(err)
	return owned
}

// applied is what a server-side apply by the field manager "gitops" owns.
func applied(fields string) []metav1.ManagedFieldsEntry {
	now := metav1.Now()
	return []metav1.ManagedFieldsEntry{{Manager: "gitops", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", Time: &now,
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{` + fields + `}}`)}}
}

func owner(owned []metav1.ManagedFieldsEntry) string {
	for _, entry := range owned {
		set := fieldpath.NewSet()
		check(set.FromJSON(entry.FieldsV1.GetRawReader()))
		if set.Has(fieldpath.MakePathOrDie("spec", "replicas")) {
			return entry.Manager
		}
	}
	return "nobody"
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	check(autoscalingv1.AddToScheme(scheme))
	stated := write(applied(`"f:replicas":{},"f:paused":{}`), 3, 5)
	fmt.Println("applied with replicas, written 5:", owner(stated))
	fmt.Println("applied without, written 5:", owner(write(applied(`"f:paused":{}`), 1, 5)))
	zero := write(stated, 5, 0)
	fmt.Println("applied with replicas, written 5, 0:", owner(zero))
	fmt.Println("applied with replicas, written 5, 0, 5:", owner(write(zero, 0, 5)))
}
GO
go mod init example.test/scale >/dev/null 2>&1
go get k8s.io/api@v0.37.2 k8s.io/apimachinery@v0.37.2 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = "applied with replicas, written 5: autoscaler
applied without, written 5: nobody
applied with replicas, written 5, 0: nobody
applied with replicas, written 5, 0, 5: nobody" ]
