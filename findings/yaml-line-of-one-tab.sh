#!/usr/bin/env bash
# go.yaml.in/yaml/v3 3.0.4 and sigs.k8s.io/yaml 1.6.0, the readers of Kubernetes' tools: a line that holds only a tab is refused between
# the entries of a mapping in block style.
#
# Expected: an editor that leaves a tab on an otherwise empty line does no harm: YAML 1.2 counts such a line as empty (s-separate-in-line
# and l-empty allow tabs there), as a line of spaces is.
# Actual: "found character that cannot start any token". The same line with a space is accepted, and so is the tab after a value.
# Consequence: kubectl refuses a manifest that other YAML readers accept. Impulse removes such a tab before it reads the file.
# Workaround: remove the tab.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"fmt"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

func main() {
	for _, document := range []string{"a: 1\n \nb: 2\n", "a: 1\n\t\nb: 2\n", "a: 1\t\nb: 2\n", "a: 1\n# c\n\t\nb: 2\n"} {
		var one, two map[string]any
		fmt.Printf("%q: %v, %v\n", document, yamlv3.Unmarshal([]byte(document), &one) == nil, yaml.Unmarshal([]byte(document), &two) == nil)
	}
}
GO
go mod init example.test/finding >/dev/null 2>&1
go get go.yaml.in/yaml/v3@v3.0.4 sigs.k8s.io/yaml@v1.6.0 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = '"a: 1\n \nb: 2\n": true, true
"a: 1\n\t\nb: 2\n": false, false
"a: 1\t\nb: 2\n": true, true
"a: 1\n# c\n\t\nb: 2\n": false, false' ]
