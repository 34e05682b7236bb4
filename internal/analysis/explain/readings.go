package explain

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Readings explains the decision on a workload from its latest readings, which only the process that scales it has. s is the status of the
// same instant, without which an obstacle would be missing. It does not consume in.
func Readings(w *compile.Workload, in scalers.Input, s *v1alpha1.ScaledObjectStatus) (*Explanation, error) {
	schedules, err := SchedulesOf(w)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", w.Key(), err)
	}
	e := explain(w.Policy, in, schedules, AlertsOf(w), obstaclesOf(w, s, in.Now.Time()))
	e.Notices = noticesOf(w, s)
	return e, nil
}

// Sentences are the parts of an explanation's text that are made of several of its fields.
type Sentences struct {
	// Headline is the first line of the text. Outcome is its last part: what becomes of the count, and the obstacles.
	Headline string `json:"headline"`
	Outcome  string `json:"outcome"`
	// AheadTitle is the title of Explanation.Ahead.
	AheadTitle string `json:"aheadTitle"`
	// Otherwise has a sentence for each element of Explanation.Otherwise: what would change, and the result.
	Otherwise [][]string `json:"otherwise,omitempty"`
}

// Sentences returns the sentences. about names the object and its target.
func (e *Explanation) Sentences(about string) Sentences {
	return Sentences{
		Headline:   line(e.headline(about)),
		Outcome:    line(e.currentOutcome() + e.obstacleText()),
		AheadTitle: fmt.Sprintf("What %s, while every %s stays as it is", e.aheadTitle(), e.constantText()),
		Otherwise:  e.otherwiseRows(),
	}
}
