// Package definitions compares the CustomResourceDefinitions of the cluster with the types of this version. The API server drops fields that a
// definition does not have, so an older definition makes Impulse ignore what users write, without an error anywhere.
package definitions
