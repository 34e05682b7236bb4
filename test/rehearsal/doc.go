// Package rehearsal holds the virtual world of internal/rehearsal against the pipeline that scales in production.
package rehearsal
