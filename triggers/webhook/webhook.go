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
	k := triggers.Define("webhook", "JSON that other systems post to Impulse; CEL expressions compute levels from it.", defaults(), open)
	k.Push, k.Receives = true, true
	k.Auth = []triggers.AuthParameter{{
		Name: "hmacSecret",
		Doc:  "The secret of the signature X-Hub-Signature-256, as GitHub sends it. A message without a valid signature is rejected. Several secrets, one per line, are valid at the same time.",
	}}
	k.Example = map[string]string{
		"hook": "github", "match": `body.workflow_job.status in ["queued", "in_progress", "completed"]`,
		"key":   `string(body.workflow_job.run_id) + "/" + body.workflow_job.name`,
		"while": `body.action != "completed"`, "ttl": "6h", "threshold": "1",
	}
	return k
}

// open returns the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	r, err := compile(c)
	if err != nil {
		return nil, err
	}
	t := &decoder{config: c, rules: r, env: env}
	if c.Format == formatSNS {
		if t.topic, err = newTopic(c.TopicARN, env.HTTP); err != nil {
			return nil, wrong("topicARN", err.Error(), "")
		}
	}
	return triggers.Listen(triggers.Listener{
		Endpoint: triggers.Endpoint{Hook: c.Hook, Signed: t.topic != nil || env.Credentials != ""},
		Decode:   t.decode, Aggregate: c.aggregate, Keyed: c.Key != "",
	}, env), nil
}

// decoder decodes messages into levels.
type decoder struct {
	config Config
	rules  *rules
	env    triggers.Env
	topic  *topic
}

// decode verifies a message and returns its levels.
func (t *decoder) decode(ctx context.Context, m triggers.Message) ([]triggers.Level, error) {
	if err := t.verifyHMAC(ctx, m); err != nil {
		return nil, err
	}
	if t.topic == nil {
		return t.rules.levels(ctx, t.config, m.Body, m)
	}
	n, err := t.topic.unwrap(ctx, m)
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

// aggregate combines the recorded levels into the level of the trigger.
func (c Config) aggregate(levels []triggers.Level) (scalers.Milli, error) {
	var sum, most, count scalers.Milli
	for i := range levels {
		if (levels[i].Key != "") != (c.Key != "") {
			continue // It was recorded before key was added or removed.
		}
		count++
		most = max(most, levels[i].Value)
		if sum += levels[i].Value; sum < 0 {
			sum = math.MaxInt64
		}
	}
	switch {
	case c.Key == "" && count == 0:
		return 0, c.noLevel()
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

// noLevel returns why there is no level.
func (c Config) noLevel() error {
	if c.TTL > 0 {
		return fmt.Errorf("hook %s has not been called for %s, its ttl", c.Hook, c.TTL)
	}
	return errors.New("hook " + c.Hook + " has not been called yet")
}
