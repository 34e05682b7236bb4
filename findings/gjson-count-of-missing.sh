#!/usr/bin/env bash
# github.com/tidwall/gjson v1.20.2, the paths of KEDA's metrics-api: the number of keys or values of an object that does not exist is 0, and
# it exists.
#
# Expected: Get("{}", "jobs.@keys.#") does not exist, as Get("{}", "jobs.#") does not.
# Actual: it is the number 0, and Exists() is true: @keys and @values turn a missing object into an empty list.
# Consequence: a scaler that checks Exists() reads 0 jobs, and scales down, when the answer has lost its object.
# Workaround: check that the object exists first; or count an array with jobs.#.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/tidwall/gjson"
)

func main() {
	for _, document := range []string{`{"jobs": {"a": 1, "b": 2}}`, `{}`} {
		for _, path := range []string{"jobs.#", "jobs.@keys.#", "jobs.@values.#"} {
			r := gjson.Get(document, path)
			fmt.Println(document, path, r.Exists(), r.Raw)
		}
	}
}
GO
go mod init example.test/finding >/dev/null 2>&1
go get github.com/tidwall/gjson@v1.20.2 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = '{"jobs": {"a": 1, "b": 2}} jobs.# false 
{"jobs": {"a": 1, "b": 2}} jobs.@keys.# true 2
{"jobs": {"a": 1, "b": 2}} jobs.@values.# true 2
{} jobs.# false 
{} jobs.@keys.# true 0
{} jobs.@values.# true 0' ]
