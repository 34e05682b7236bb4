#!/usr/bin/env bash
# Alertmanager 0.33.0, as a Go module: `go build` of its command fails, with any Go, before anything is compiled.
#
# The likely guess: what `go install github.com/prometheus/alertmanager/cmd/alertmanager@v0.31.1` does, a newer version does as well;
# and since Prometheus 3.13's go.mod asks for 0.33.0, a module that needs both can build both.
# What happens: since 0.33.0 the package ui embeds app/dist, which is made by npm for a release and is not in the module.
# Prometheus's own web page is behind the build tag builtinassets, and its module builds without it.
# For whoever builds both: replace github.com/prometheus/alertmanager by v0.31.1; Prometheus 3.13 builds against it.
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
