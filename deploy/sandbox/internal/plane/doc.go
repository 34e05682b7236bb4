// Package plane is the control plane of a sandbox and the servers beside it: which programs run, with which arguments,
// certificates, addresses and files, in which order, and when each is ready.
package plane
