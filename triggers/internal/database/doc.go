// Package database has what the kinds that read one number from a database have in common: the source, a small pool of connections, and
// the conversion of the answer into a level. Protocols and drivers are in the packages of the kinds.
package database
