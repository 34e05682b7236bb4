// Package debian provides tests with the real servers that Debian packages, such as Redis and PostgreSQL.
package debian
