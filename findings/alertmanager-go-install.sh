#!/usr/bin/env bash
# Alertmanager 0.33.0, as a Go module: `go build` of its command fails, with any Go, before anything is compiled.
#
# Expected: `go install github.com/prometheus/alertmanager/cmd/alertmanager@v0.31.1` works, so it works for newer versions too; and because
# Prometheus 3.13's go.mod requires 0.33.0, a module that requires both can build both.
# Actual: since 0.33.0 the package ui embeds app/dist, which npm creates for a release and which is not in the module. Prometheus's web
# page is behind the build tag builtinassets, so its module builds without it.
# Workaround: replace github.com/prometheus/alertmanager with v0.31.1. Prometheus 3.13 builds with it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
go mod init example.test/embeds >/dev/null 2>&1

listed() { # The error of the package ui at a version.
  go get "github.com/prometheus/alertmanager@$1" >/dev/null 2>&1
  go list -e -f '{{with .Error}}{{.Err}}{{end}}' github.com/prometheus/alertmanager/ui 2>/dev/null
}

old=$(listed v0.31.1) new=$(listed v0.33.0)
echo "0.31.1: ${old:-builds}"
echo "0.33.0: $new"
[ -z "$old" ] && [[ $new == *"pattern app/dist: no matching files found"* ]]
