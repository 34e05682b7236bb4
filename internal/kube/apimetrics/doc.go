// Package apimetrics counts and times the requests of this process to the API server.
package apimetrics
