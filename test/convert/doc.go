// Package convert holds converted objects against an HPA of its own making.
package convert
