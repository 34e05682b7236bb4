// Package strictyaml reads YAML files without guessing: text that is no YAML, unknown and repeated fields and values of another type
// are errors, each with its place, and all of them are reported at once.
package strictyaml
