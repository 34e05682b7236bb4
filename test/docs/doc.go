// Package docs executes what the documentation says: its examples, its commands and its links.
package docs
