package sbom

import (
	"encoding/base64"
	"encoding/hex"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"
)

// component describes one module. A module that a folder of this repository replaces keeps its name and version, with a note, so that
// scanners find what is known about it: the folder's own name means nothing to them.
func component(m debug.Module) cdx.Component {
	var pedigree *cdx.Pedigree
	if r := m.Replace; r != nil && r.Version != "" && r.Version != "(devel)" {
		m = *r
	} else if r != nil {
		pedigree = &cdx.Pedigree{Notes: "a changed copy, in " + strings.TrimPrefix(r.Path, "./") + " of the source"}
		m.Sum = ""
	}
	purl := packageURL(m.Path, m.Version, "")
	return cdx.Component{
		BOMRef:     purl,
		Type:       cdx.ComponentTypeLibrary,
		Name:       m.Path,
		Version:    m.Version,
		PackageURL: purl,
		Hashes:     hashes(m.Sum),
		Pedigree:   pedigree,
	}
}

// packageURL returns the package URL of a module; subpath is a package in it, or "".
func packageURL(path, version, subpath string) string {
	namespace, name := "", path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		namespace, name = path[:i], path[i+1:]
	}
	return packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, version, nil, subpath).ToString()
}

// hashes converts a checksum of go.sum (h1:BASE64) to CycloneDX's form, as CycloneDX's own tool for Go modules does.
func hashes(sum string) *[]cdx.Hash {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:"))
	if err != nil || len(raw) == 0 {
		return nil
	}
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
}
