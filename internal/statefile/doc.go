// Package statefile stores state in files that survive a crash: each is written to a temporary file, synced and renamed, with a
// checksum. After a crash at any instant a file has the old content or the new one; any other file is set aside.
package statefile
