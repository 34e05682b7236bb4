// Package auth authenticates requests by the credentials that the process was given, and authorizes them for namespaces. It knows
// nothing of routes and status codes.
package auth
