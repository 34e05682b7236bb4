#!/usr/bin/env bash
# github.com/expr-lang/expr v1.17.8, the formulas of KEDA's scalingModifiers, beside a client of Kubernetes (k8s.io/client-go v0.37.2): a
# program becomes 11 of 26 MB larger by evaluating 1 + 2 once.
#
# Expected: expr adds about its own size, 2 to 3 MB.
# Actual: it adds 11 MB, most of it methods of other packages that nothing calls.
# Reason: expr looks methods up by names that are in expressions. The linker cannot know these, and keeps every exported method of every
# type that is converted to an interface: for each Kubernetes type, also its protobuf encoding.
# Consequence: images and start-up of each autoscaler, or other program with a Kubernetes client, that evaluates one formula.
# Workaround: a build of expr without these look-ups, when no value in an expression has methods.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod CGO_ENABLED=0
mkdir without with
cat >without/main.go <<'GO'
package main

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func main() {
	client, err := kubernetes.NewForConfig(&rest.Config{Host: "http://127.0.0.1:1"})
	if err != nil {
		panic(err)
	}
	_, err = client.CoreV1().Pods("default").List(context.Background(), metav1.ListOptions{})
	fmt.Println(err != nil)
}
GO
sed -e 's#^import (#import (\n\t"github.com/expr-lang/expr"#' -e 's#^func main() {#func main() {\n\tfmt.Println(expr.Eval("1 + 2", nil))#' without/main.go >with/main.go
go mod init example.test/finding >/dev/null 2>&1
go get github.com/expr-lang/expr@v1.17.8 k8s.io/client-go@v0.37.2 >/dev/null 2>&1
for program in without with; do go build -trimpath -ldflags '-s -w' -o "$program.bin" "./$program"; done
a=$(wc -c <without.bin) b=$(wc -c <with.bin)
own=$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' ./with | grep -c expr-lang)
echo "without expr $((a / 1000000)) MB, with its $own packages $((b / 1000000)) MB"
[ $((b - a)) -gt 10000000 ]
