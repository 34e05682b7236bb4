package compile

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

// MaxPauseReason bounds the reason of a pause, in bytes. A longer one is cut.
const MaxPauseReason = 256

// lastPauseEnd is the latest end of a pause.
var lastPauseEnd = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// Paused reports whether any annotation pauses an object at a time.
func Paused(so *v1alpha1.ScaledObject, now time.Time) bool {
	return PauseAt(so, now) != scalers.Paused{}
}

// PauseAt returns the pause in the annotations of an object that applies at a time. A count that is no number is 0.
func PauseAt(so *v1alpha1.ScaledObject, now time.Time) scalers.Paused {
	return pausedOf(so, &errorList{}).Effective(scalers.InstantOf(now))
}

// pausedOf compiles the annotations of both groups; those of impulse.sh take precedence. A pause whose end cannot be read has no end:
// nobody knows when the count may change again.
func pausedOf(so *v1alpha1.ScaledObject, errs *errorList) scalers.Paused {
	p := scalers.Paused{
		All: boolAnnotation(so, "paused", errs), In: boolAnnotation(so, "paused-scale-in", errs), Out: boolAnnotation(so, "paused-scale-out", errs),
	}
	if key, text := annotation(so, "paused-replicas"); key != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			errs.add("metadata.annotations."+key, fmt.Sprintf("%q is not a number of replicas", text), "")
		}
		p.Fixed, p.At = true, int32(n)
	}
	if p == (scalers.Paused{}) {
		return p
	}
	p.Until, _ = pauseEnd(so)
	p.Reason = printable.Line(strings.TrimSpace(so.Annotations[PausedReason]), MaxPauseReason)
	return p
}

// pauseEnd returns the end of the pause in the annotations of an object, 0 if there is none, and the mistake in it.
func pauseEnd(so *v1alpha1.ScaledObject) (scalers.Instant, *diag.Error) {
	text, given := so.Annotations[PausedUntil]
	if !given {
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	switch {
	case err != nil:
		return 0, &diag.Error{Field: pausedUntilField, Problem: printable.Line(strconv.Quote(text), MaxPauseReason) + " is not a time: the pause has no end", Suggestion: suggestTime(text)}
	case at.After(lastPauseEnd):
		return 0, &diag.Error{Field: pausedUntilField, Problem: fmt.Sprintf("%s is after the year %d: the pause has no end", text, lastPauseEnd.Year()-1), Suggestion: "leave it out"}
	}
	if first := time.Unix(0, 1); at.Before(first) { // 0 is none, and an Instant has no earlier centuries.
		at = first
	}
	return scalers.InstantOf(at), nil
}

// suggestTime returns what may have been meant by a text that is not a time.
func suggestTime(text string) string {
	text = strings.TrimSpace(text)
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return diag.DidYouMean(at.Format(time.RFC3339))
		}
	}
	if _, err := time.ParseDuration(text); err == nil {
		return "write the time at which it ends, or use impulse pause --for " + text
	}
	return "write it as 2026-03-01T08:00:00Z"
}

// PauseMistake returns the mistake in the end of an object's pause; nil without one. The object is valid nevertheless, and stays paused.
func PauseMistake(so *v1alpha1.ScaledObject) *diag.Error {
	_, mistake := pauseEnd(so)
	return mistake
}

// KeepsPaused reports whether a problem is such a mistake.
func KeepsPaused(p *diag.Error) bool { return p.Field == pausedUntilField }

// Pause returns how the annotations pause the object at an instant, as the reason and the message of a condition. Without a pause the reason
// is "".
func (w *Workload) Pause(now scalers.Instant) (reason, message string) {
	given := &w.Policy.Paused
	p := given.Effective(now)
	switch {
	case p.Fixed:
		reason, message = v1alpha1.ReasonPausedReplicas, fmt.Sprintf("the annotation %s keeps the count at %d", w.annotation("paused-replicas"), p.At)
	case p.All:
		reason, message = v1alpha1.ReasonPaused, fmt.Sprintf("the annotation %s keeps the count as it is", w.annotation("paused"))
	case p.In && p.Out:
		reason, message = v1alpha1.ReasonPaused, fmt.Sprintf("the annotations %s and %s keep the count as it is", w.annotation("paused-scale-in"), w.annotation("paused-scale-out"))
	case p.In:
		reason, message = v1alpha1.ReasonPausedScaleIn, fmt.Sprintf("the annotation %s keeps the count from going down", w.annotation("paused-scale-in"))
	case p.Out:
		reason, message = v1alpha1.ReasonPausedScaleOut, fmt.Sprintf("the annotation %s keeps the count from going up", w.annotation("paused-scale-out"))
	case given.Until != 0:
		return "", "the pause has ended: it applied" + scalers.Paused{Until: given.Until}.Terms()
	default:
		return "", ""
	}
	message += p.Terms()
	if w.pauseMistake != nil {
		message += "; " + PausedUntil + ": " + w.pauseMistake.Problem
	}
	return reason, message
}

// annotation returns the full name of an annotation that pauses the object.
func (w *Workload) annotation(name string) string {
	return cmp.Or(w.paused[name], AnnotationGroups[0]+name)
}

// pausedBy maps the name of each annotation of the object that may pause it to its full name; nil for none.
func pausedBy(so *v1alpha1.ScaledObject) map[string]string {
	var all map[string]string
	for _, name := range Annotations {
		if key, _ := annotation(so, name); key != "" {
			if all == nil {
				all = map[string]string{}
			}
			all[name] = key
		}
	}
	return all
}
