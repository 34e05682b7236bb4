// Package policy is the folder of the packages that turn a user's object into a policy: manifest reads files, compile makes the
// policy, formula evaluates expressions, convert reads what KEDA and the HPA use, lint warns, and loop decides and writes by it.
package policy
