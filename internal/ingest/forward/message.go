// Package forward is the way between the replicas: who does not lead passes what it was sent to the leader.
//
// The holder identity of the Lease says where the leader listens, and carries the fingerprint of the key of its certificate,
// which lives as long as the process. Messages go to just that certificate, with a key from a Secret that only the replicas
// read. A sender's credential never goes along: whoever passes a message on has checked it, and says its name.
package forward

import "net/http"

// Message is a request that was let in, on its way to the leader.
type Message struct {
	Method string
	// URI is the path and the query.
	URI    string
	Header http.Header
	Body   []byte
	// Credential is the name of the credential that the sender has shown; it may be "".
	Credential string
}

// Answer is what the leader has answered.
type Answer struct {
	Code int
	Text string
}
