// Package forward forwards messages from the replicas that do not lead to the leader.
//
// The holder identity of the Lease has the address of the leader, and the fingerprint of the key of its certificate, which is valid as
// long as the process runs. A replica sends messages only to a server with that key, and authenticates with a key from a Secret that only
// the replicas may read. It has authenticated the sender, and forwards the name of the sender's credential, never the credential.
package forward
