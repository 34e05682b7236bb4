// Package helm provides tests with helm, which the go command builds from the module in tools/helm and keeps in its cache, and with what it
// renders from the chart of Impulse.
package helm
