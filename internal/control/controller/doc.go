// Package controller runs an autoscaler for each ScaledObject, from the API server or from files, that is valid and owns its
// target.
//
// An object keeps its autoscaler when only its policy changes; otherwise the autoscaler is replaced, and hands over its memory.
// An invalid edit changes nothing: the last good version stays in effect, and the status says so.
package controller
