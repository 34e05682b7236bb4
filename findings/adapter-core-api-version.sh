#!/usr/bin/env bash
# sigs.k8s.io/custom-metrics-apiserver v1.37.0, the library of metrics adapters: helpers.ReferenceFor gives objects of the core group the
# apiVersion "/v1".
#
# Expected: the describedObject of a metric of a Service or Pod has the apiVersion "v1", as the objects themselves.
# Actual: group and version are joined by a slash although the group is empty: "/v1". Other groups are right.
# Consequence: a client that compares describedObject.apiVersion with the object's finds no metric, or a wrong one.
# Workaround: compare group and version after schema.ParseGroupVersion, which reads "/v1" as the core group, too.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider/helpers"
)

func main() {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(schema.GroupVersionKind{Version: "v1", Kind: "Service"}, meta.RESTScopeNamespace)
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, meta.RESTScopeNamespace)
	for _, resource := range []schema.GroupResource{{Resource: "services"}, {Group: "apps", Resource: "deployments"}} {
		info := provider.CustomMetricInfo{GroupResource: resource, Namespaced: true, Metric: "hits"}
		ref, err := helpers.ReferenceFor(mapper, types.NamespacedName{Namespace: "shop", Name: "web"}, info)
		parsed, _ := schema.ParseGroupVersion(ref.APIVersion)
		fmt.Printf("%s %q %q %v\n", ref.Kind, ref.APIVersion, parsed, err)
	}
}
GO
go mod init example.test/finding >/dev/null 2>&1
go get sigs.k8s.io/custom-metrics-apiserver@v1.37.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = 'Service "/v1" "v1" <nil>
Deployment "apps/v1" "apps/v1" <nil>' ]
