// Package rehearsal holds the virtual world of internal/analysis/engine against the pipeline that scales in production.
package rehearsal
