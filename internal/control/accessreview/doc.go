// Package accessreview asks the API server whether the bearer of a token may list ScaledObjects, so that a token of a ServiceAccount is a credential for
// the routes that show them.
package accessreview
