package report

import (
	"fmt"

	"github.com/impulse-sh/impulse/internal/pipeline"
)

// trouble is something that began or ended, said once.
type trouble struct {
	warning      bool
	reason, note string
}

// compare returns what has gone wrong or recovered since it was called last.
func (o *object) compare(p *pipeline.Outcome) []trouble {
	var news []trouble
	say := func(key, reason, why string) {
		was := o.troubles[key]
		switch {
		case why != "" && was == "":
			o.troubles[key] = reason
			news = append(news, trouble{true, reason, why})
		case why == "" && was != "":
			delete(o.troubles, key)
			news = append(news, trouble{false, "Recovered", fmt.Sprintf("%s is over: %s", was, key)})
		}
	}
	say("annotations", "UnknownAnnotation", p.Workload.UnknownAnnotations)
	for i := range p.Events {
		if p.Events[i].At == 0 {
			continue
		}
		name := p.Workload.Triggers[i].Name
		why := unknownBecause(p, i)
		if why != "" {
			why = fmt.Sprintf("trigger %s is unknown, and unknown never lowers: %s", name, shorten(why))
		}
		say("trigger "+name, "TriggerFailed", why)
		if why != "" {
			continue // What is noticed of its source is not known, either.
		}
		n, source := noticeOf(p, i), "source of trigger "+name
		if n.Reason != o.troubles[source] {
			say(source, "", "")
		}
		say(source, n.Reason, n.Text)
	}
	reason, why := blockedBy(p)
	if reason == "TargetUnknown" && p.Target.Err == nil {
		return news
	}
	say("target "+p.Workload.Target.String(), reason, why)
	return news
}

// scaledNote is the sentence of a change of replicas.
func scaledNote(p *pipeline.Outcome, why string) string {
	return shorten(fmt.Sprintf("%s from %d to %d: %s", p.Workload.Target, p.Write.From, p.Write.To, why))
}
