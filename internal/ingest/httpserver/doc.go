// Package httpserver serves HTTP: the namespace receivers, the trigger endpoints, health and metrics. It has the routes, the limits and the
// status codes; package auth authenticates, and package endpoints decodes and records.
package httpserver
