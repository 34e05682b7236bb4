// Package observability tests the alert rules, their runbooks, the dashboard and the pages about them.
package observability
