//go:build never

// Package operators pins the versions of the Prometheus Operator and of cert-manager, whose modules have the CustomResourceDefinitions of the
// objects that the chart creates for them. It is never compiled.
package operators

import (
	_ "github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	_ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
)
