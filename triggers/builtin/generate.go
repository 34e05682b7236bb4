package builtin

//go:generate go run ./gen
//go:generate go run ./reference ../../docs/triggers.md
