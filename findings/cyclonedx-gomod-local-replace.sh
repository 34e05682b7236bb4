#!/usr/bin/env bash
# cyclonedx-gomod 1.10.0: two commands of the program name one dependency, which go.mod replaces by a folder, in two ways, and neither is the
# module at a version that exists.
#
# Expected: both SBOMs have github.com/pkg/errors at v0.9.1, the version that go.mod requires, perhaps with the replacement as pedigree.
# Actual: `app` gives it the version of the repository around it, as its documentation says: github.com/pkg/errors@v5.0.0, which was never
# published. `bin`, on the program that was built from it, reports ./third_party/errors with the package URL pkg:golang/./third_party/errors@(devel).
# A scanner finds no vulnerability in either of them, whatever the copy has.
# Workaround: write the component for a replaced module yourself, with the module and the version that the copy was made from.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
GOBIN=$dir go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 2>/dev/null
mkdir -p app/third_party/errors
cd app
printf 'module example.com/app\n\ngo 1.25\n\nrequire github.com/pkg/errors v0.9.1\n\nreplace github.com/pkg/errors => ./third_party/errors\n' >go.mod
printf 'package main\n\nimport "github.com/pkg/errors"\n\nfunc main() { _ = errors.New("") }\n' >main.go
printf 'module github.com/pkg/errors\n\ngo 1.25\n' >third_party/errors/go.mod
printf 'package errors\n\nfunc New(string) error { return nil }\n' >third_party/errors/errors.go
git init -q
git add -A
git -c user.name=example -c user.email=example@example.com commit -qm example
git tag v5.0.0
go build -o ../program .
urls() { "$@" 2>/dev/null | grep -o '"purl": "[^?"]*errors[^?"]*'; }
echo "app: $(urls ../cyclonedx-gomod app -json .)"
echo "bin: $(urls ../cyclonedx-gomod bin -json ../program)"
[ "$(urls ../cyclonedx-gomod app -json .)" = '"purl": "pkg:golang/github.com/pkg/errors@v5.0.0' ]
[ "$(urls ../cyclonedx-gomod bin -json ../program)" = '"purl": "pkg:golang/./third_party/errors@(devel)' ]
