// Package formula evaluates the expressions with which users combine triggers: KEDA's scalingModifiers, in expr-lang. The level
// of a trigger is a variable with the trigger's name, and nil while the level is unknown.
//
// Every formula terminates quickly: it has no ranges, its loops run over lists in its text, and they nest at most once.
package formula
