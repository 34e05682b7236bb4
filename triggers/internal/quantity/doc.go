// Package quantity reads the Kubernetes quantities that metrics APIs return as levels.
package quantity
