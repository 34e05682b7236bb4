// Package diag describes mistakes in what users write: files, and the metadata of triggers. An Error names the place, the problem
// and what to write instead, so that every reader reports in the same form.
package diag
