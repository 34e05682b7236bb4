// Package privatekey decrypts the key of a client certificate, for the kinds that read KEDA's parameter keyPassword.
package privatekey
