// Package convert compares converted objects with a reference model of the HPA.
package convert
