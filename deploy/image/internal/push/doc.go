// Package push sends an image and the artifacts about it to a registry, with the credentials that docker login has stored, and explains what
// a registry refuses.
package push
