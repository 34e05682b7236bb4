// Package debian starts servers from packages of Debian, such as Redis and PostgreSQL, for tests.
package debian
