// Package vault reads secrets from servers of HashiCorp Vault and OpenBao, with three requests of their HTTP API: sign in with a token of a
// service account, read a secret, and issue a certificate. The client of the caller opens the connections, so that its rules on addresses
// hold. Redirects are refused, because the token belongs to one server.
package vault
