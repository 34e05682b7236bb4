// Package httpauth authenticates the requests of triggers to HTTP servers, in the ways of KEDA's authModes.
package httpauth
