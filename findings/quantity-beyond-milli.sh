#!/usr/bin/env bash
# Kubernetes' apimachinery 0.37.2: MilliValue of a Quantity above 9.2e15 is 0.
#
# Expected: Value and MilliValue return the quantity, rounded up; a value that does not fit saturates or wraps around. The comment in the code
# says that it could overflow.
# Actual: Value of 10P is 10000000000000000, and MilliValue of it is 0, as if nothing were requested or used. Value of 10E is 0, too. An HPA
# reads every target and every measurement with MilliValue.
# Workaround: compare with CmpInt64(math.MaxInt64/1000) first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

func main() {
	for _, text := range []string{"9P", "10P", "10E"} {
		q := resource.MustParse(text)
		fmt.Println(text, q.Value(), q.MilliValue())
	}
}
GO
go mod init example.test/milli >/dev/null 2>&1
go get k8s.io/apimachinery@v0.37.2 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = "9P 9000000000000000 9000000000000000000
10P 10000000000000000 0
10E 0 0" ]
