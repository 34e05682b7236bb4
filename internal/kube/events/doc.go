// Package events writes Kubernetes Events about objects: at most one a minute for one object and reason, which stands for all of that minute.
package events
