// Package auth authenticates requests by the credentials that the process was given, and authorizes them for namespaces. It has
// no routes and no status codes.
package auth
