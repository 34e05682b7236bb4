// Package alertmanager is the trigger type alertmanager: it computes a level from the firing alerts that match its matchers.
package alertmanager
