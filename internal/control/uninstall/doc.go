// Package uninstall removes Impulse from a cluster: first the ScaledObjects, while Impulse still runs and restores original counts, and
// then everything else that deploy/manifests or a release of the chart creates.
package uninstall
