// Package unpack writes the files of an image to a folder. Images come from registries, so it writes nothing outside of that folder,
// whatever the image says, and no more than a limit.
package unpack
