// Package page_test drives the page in a real Chromium: over the objects of package stage, whose targets and levels are in memory.
package page_test
