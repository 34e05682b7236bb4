// Package sigv4 signs HTTP requests to AWS with Signature Version 4, as
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html describes it.
//
// AWS's own signer, signer/v4 of aws-sdk-go-v2 v1.42.0, is not used. It keeps what it derives from a secret key until the next day, also when
// the secret key of an access key is corrected. It signs headers without values, such as the Idempotency-Key of Prometheus's client library,
// which net/http does not send. It orders parameters by their names before they are escaped, and not after. And it is part of two modules.
package sigv4
