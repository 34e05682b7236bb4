#!/usr/bin/env bash
# Helm 4.3.1: `helm template --show-only FILE` and `--output-dir DIR` work each alone. Together they write every file of the chart, and then fail
# with "could not find template FILE in chart".
#
# Expected: the file that --show-only names, written into DIR; or an error before anything is written.
# Actual: with --output-dir the rendered files go to the folder while the chart is rendered. --show-only then selects from the text that is left
# for standard output, which is empty.
# Workaround: redirect the output of --show-only, or write all files and take the one that is wanted.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HELM_CACHE_HOME=$dir/cache HELM_CONFIG_HOME=$dir/config HELM_DATA_HOME=$dir/data
GOBIN=$dir go install helm.sh/helm/v4/cmd/helm@v4.3.1 2>/dev/null
mkdir -p chart/templates
printf 'apiVersion: v2\nname: chart\nversion: 0.1.0\n' >chart/Chart.yaml
for name in one two; do printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n' $name >chart/templates/$name.yaml; done
./helm template release chart --show-only templates/one.yaml
if ./helm template release chart --show-only templates/one.yaml --output-dir out 2>error; then exit 1; fi
cat error
find out -type f | sort
grep -q 'could not find template templates/one.yaml in chart' error
[ -f out/chart/templates/one.yaml ] && [ -f out/chart/templates/two.yaml ]
