// Package docs tests the documentation: its examples, its commands and its links.
package docs
