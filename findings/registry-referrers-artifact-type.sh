#!/usr/bin/env bash
# go-containerregistry 0.22.1, pkg/registry: the list of referrers ignores the artifactType of a manifest.
#
# Expected: OCI's distribution specification 1.1 says that a descriptor in the answer of /v2/NAME/referrers/DIGEST has the artifactType of the
# manifest, and that of its config only where the manifest has none. The manifest here is the one that OCI's image specification recommends for
# an artifact without a config: its artifactType says what it is, and its config is the empty one.
# Actual: the descriptor's artifactType is always the media type of the config: application/vnd.oci.empty.v1+json for each such artifact. A test
# of an SBOM or of a signature against this registry that filters by artifactType finds nothing, and the same code finds it at other registries.
# Workaround: in such tests, fetch the manifest of each referrer and read artifactType there.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
go mod init example.com/finding 2>/dev/null
go get github.com/google/go-containerregistry@v0.22.1 2>/dev/null
cat >main.go <<'GO'
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/google/go-containerregistry/pkg/registry"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	emptyType    = "application/vnd.oci.empty.v1+json"
)

func main() {
	log.SetFlags(0)
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	digest := func(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }
	send := func(method, path, kind string, body []byte) []byte {
		request, err := http.NewRequest(method, server.URL+path, bytes.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		request.Header.Set("Content-Type", kind)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode/100 != 2 {
			log.Fatalf("%s %s: %s %s %v", method, path, answer.Status, text, err)
		}
		return text
	}
	empty := []byte("{}")
	blob := map[string]any{"mediaType": emptyType, "digest": digest(empty), "size": len(empty)}
	send("POST", "/v2/app/blobs/uploads/?digest="+digest(empty), "application/octet-stream", empty)
	put := func(manifest map[string]any) string {
		manifest["schemaVersion"], manifest["mediaType"] = 2, manifestType
		manifest["config"], manifest["layers"] = blob, []any{blob}
		text, err := json.Marshal(manifest)
		if err != nil {
			log.Fatal(err)
		}
		send("PUT", "/v2/app/manifests/"+digest(text), manifestType, text)
		fmt.Printf("%s %d\n", digest(text), len(text))
		return string(text)
	}
	subject := put(map[string]any{})
	put(map[string]any{
		"artifactType": "application/spdx+json",
		"subject":      map[string]any{"mediaType": manifestType, "digest": digest([]byte(subject)), "size": len(subject)},
	})
	var index struct {
		Manifests []struct{ ArtifactType string }
	}
	if err := json.Unmarshal(send("GET", "/v2/app/referrers/"+digest([]byte(subject)), "", nil), &index); err != nil {
		log.Fatal(err)
	}
	for _, one := range index.Manifests {
		fmt.Println("artifactType in the list:", one.ArtifactType)
	}
	if len(index.Manifests) != 1 || index.Manifests[0].ArtifactType != emptyType {
		log.Fatal("the behaviour has changed")
	}
}
GO
go mod tidy 2>/dev/null
go run .
