// Package admission serves the validating webhook of Impulse: the API server sends it an object of impulse.sh before it stores the object,
// and gets the mistakes and warnings of `impulse check`, and those that concern other objects in the cluster.
//
// A review has no side effects. It reads watches that lag behind, so it is no guarantee: the controller checks every object again.
package admission
