// Package sbom writes the software bill of materials of a program in CycloneDX's JSON format: its modules with their versions and checksums,
// as the linker recorded them in the program itself. The same program gives the same bytes.
package sbom
