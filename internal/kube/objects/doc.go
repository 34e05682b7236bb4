// Package objects reads, follows and changes the ScaledObjects of a cluster for commands. Its errors state in one sentence what is missing:
// the object, and which one may have been meant; the right to read it; the CRD; or the connection.
package objects
