#!/usr/bin/env bash
# expr-lang 1.17.8, the language of KEDA's scalingModifiers: the mean and the median of no numbers are 0, and max may ignore NaN.
#
# Expected: mean([]) and median([]) are an error or NaN, as in most statistics libraries, and max of NaN and a number is NaN, as in Go's
# math.Max and built-in max.
# Actual: mean([]) and median([]) are 0. max(0, NaN) is 0, and max(NaN, 0) is NaN: the result depends on the order.
# Consequence: a formula mean(filter(...)) asks for 0 replicas if no trigger qualifies, and so does 0/0 in max(0, a / b), although the
# result should be unknown.
# Workaround: guard such terms with a condition.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/expr-lang/expr"
)

func main() {
	levels := map[string]any{"a": 0.0, "b": 0.0}
	for _, formula := range []string{
		"mean([])", "median([])", "mean(filter([a, b], # > 5))", "a / b", "max(0, a / b)", "max(a / b, 0)",
	} {
		program, err := expr.Compile(formula, expr.Env(levels))
		if err != nil {
			fmt.Println(formula, "->", err)
			continue
		}
		out, err := expr.Run(program, levels)
		fmt.Println(formula, "->", out, err)
	}
}
GO
go mod init example.test/finding >/dev/null 2>&1
go get github.com/expr-lang/expr@v1.17.8 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = "mean([]) -> 0 <nil>
median([]) -> 0 <nil>
mean(filter([a, b], # > 5)) -> 0 <nil>
a / b -> NaN <nil>
max(0, a / b) -> 0 <nil>
max(a / b, 0) -> NaN <nil>" ]
