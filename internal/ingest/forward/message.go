package forward

import "net/http"

// Message is an authorized request to forward.
type Message struct {
	Method string
	// URI is the path and the query.
	URI    string
	Header http.Header
	Body   []byte
	// Credential is the name of the sender's credential; it may be "".
	Credential string
}

// Answer is the answer of the leader.
type Answer struct {
	Code   int
	Header http.Header
	Text   string
}
