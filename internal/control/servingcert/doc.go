// Package servingcert makes and renews the certificate of the admission webhook. It is in a Secret that all replicas read. The leader
// writes the Secret, and publishes the CA certificates in the ValidatingWebhookConfiguration, by which the API server verifies it.
//
// Each certificate has a CA of its own, whose key is discarded. A renewal publishes the next CA first, and serves the next certificate
// once every API server has had time to read it.
package servingcert
