// Package endpointslices follows the ready endpoints of Services. They come from one watch of EndpointSlices per namespace, which runs
// while a Service of the namespace is followed.
package endpointslices
