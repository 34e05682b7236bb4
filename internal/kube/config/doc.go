// Package config finds the configuration of the cluster in the same places as kubectl.
package config
