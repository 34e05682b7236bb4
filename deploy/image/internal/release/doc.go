// Package release writes what a release offers for download: archives of the program for each platform with their SBOMs, the manifest of the
// kubectl plugin for krew, and a file with the checksums of all. The same commit gives the same bytes.
package release
