// Package manifest reads objects from YAML files, and reports all mistakes in them at once: with file, line, field and a suggestion.
package manifest
