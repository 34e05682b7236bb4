#!/usr/bin/env bash
# github.com/kedacore/keda/v2 v2.21.0, the parameters that are lists of pairs (customHeaders and queryParameters of prometheus): a value
# that contains = is refused.
#
# Expected: "Authorization=Basic dXNlcg==" is the header Authorization with the value "Basic dXNlcg==": a pair ends its name at the first =.
# Actual: the parser splits at every = and refuses the pair, so that no value in padded base64, and no matcher such as {job="api"}, can be
# written. There is no escape.
# Workaround: leave out the padding where the server allows it; or put the header's value where authModes custom reads it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

// The fields have the tags of KEDA's own prometheus scaler.
type config struct {
	triggerIndex    int
	QueryParameters map[string]string `keda:"name=queryParameters, order=triggerMetadata, optional"`
	CustomHeaders   map[string]string `keda:"name=customHeaders, order=triggerMetadata, optional"`
}

func main() {
	for _, metadata := range []map[string]string{
		{"customHeaders": "Authorization=Basic dXNlcjE"},
		{"customHeaders": "Authorization=Basic dXNlcg=="},
		{"queryParameters": `match[]=up{job="api"}`},
	} {
		var c config
		_ = c.triggerIndex
		err := (&scalersconfig.ScalerConfig{TriggerMetadata: metadata}).TypedConfig(&c)
		fmt.Println(metadata, "accepted:", err == nil)
	}
}
GO
go mod init example.test/finding >/dev/null 2>&1
go get github.com/kedacore/keda/v2@v2.21.0 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = 'map[customHeaders:Authorization=Basic dXNlcjE] accepted: true
map[customHeaders:Authorization=Basic dXNlcg==] accepted: false
map[queryParameters:match[]=up{job="api"}] accepted: false' ]
