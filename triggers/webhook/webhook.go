// Package webhook is the trigger of messages that others post: any JSON, of which expressions in CEL make levels.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Kind describes the trigger type webhook.
func Kind() triggers.Kind {
	k := triggers.Define("webhook", "JSON that anybody posts to Impulse; CEL makes levels of it.", defaults(), open)
	k.Push = true
	k.Auth = []triggers.AuthParameter{{
		Name: "hmacSecret",
		Doc:  "The secret of X-Hub-Signature-256, as GitHub sends it: a message without a valid one is refused. Several are valid at once, one a line.",
	}}
	k.Example = map[string]string{
		"hook": "github", "match": `body.workflow_job.status in ["queued", "in_progress", "completed"]`,
		"key":   `string(body.workflow_job.run_id) + "/" + body.workflow_job.name`,
		"while": `body.action != "completed"`, "ttl": "6h", "threshold": "1",
	}
	return k
}

// open makes the source; it does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	r, err := compile(c)
	if err != nil {
		return nil, err
	}
	t := &taker{config: c, rules: r, env: env}
	if c.Format == formatSNS {
		if t.sns, err = newTopic(c.TopicARN, env.HTTP); err != nil {
			return nil, wrong("topicARN", err.Error(), "")
		}
	}
	return triggers.Listen(triggers.Listener{
		Endpoint: triggers.Endpoint{Hook: c.Hook, Signed: t.sns != nil || env.Credentials != ""},
		Decode:   t.take, Aggregate: c.sum, Keyed: c.Key != "",
	}, env), nil
}

// taker turns messages into levels.
type taker struct {
	config Config
	rules  *rules
	env    triggers.Env
	sns    *topic
}

// take is what a message states, once it has proved who sent it.
func (t *taker) take(ctx context.Context, m triggers.Message) ([]triggers.Level, error) {
	if err := t.verifyHMAC(ctx, m); err != nil {
		return nil, err
	}
	if t.sns == nil {
		return t.rules.levels(ctx, t.config, m.Body, m)
	}
	n, err := t.sns.open(ctx, m)
	if err != nil || n == nil {
		return nil, err
	}
	levels, err := t.rules.levels(ctx, t.config, n.body, m)
	for i := range levels {
		levels[i].ID = n.MessageID
		if levels[i].At.IsZero() {
			levels[i].At = n.Timestamp
		}
	}
	return levels, err
}

// sum makes one level of those that count.
func (c Config) sum(levels []triggers.Level) (scalers.Milli, error) {
	var sum, most, count scalers.Milli
	for i := range levels {
		if (levels[i].Key != "") != (c.Key != "") {
			continue // From before an edit.
		}
		count++
		most = max(most, levels[i].Value)
		if sum += levels[i].Value; sum < 0 {
			sum = math.MaxInt64
		}
	}
	switch {
	case c.Key == "" && count == 0:
		return 0, c.silence()
	case c.Replicas != 0 && most > 0:
		return scalers.Milli(c.Replicas) * 1000, nil
	case c.Replicas != 0:
		return 0, nil
	case c.Aggregation == "max":
		return most, nil
	case c.Aggregation == "count":
		return count * 1000, nil
	default:
		return sum, nil
	}
}

// silence says why there is no level.
func (c Config) silence() error {
	if c.TTL > 0 {
		return fmt.Errorf("hook %s has not been called for %s, its ttl", c.Hook, c.TTL)
	}
	return errors.New("nobody has called hook " + c.Hook + " yet")
}
