// Package egress restricts the connections of triggers. Authors of objects choose their addresses, but the connections come from Impulse:
// authors must not reach addresses that only this machine can reach, such as the metadata service of its cloud. Addresses are checked
// when a connection is opened, after the name has been resolved, so that no name circumvents the check.
package egress
