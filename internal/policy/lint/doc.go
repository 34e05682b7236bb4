// Package lint warns about settings that are valid but probably unintended. It never refuses an object.
package lint
