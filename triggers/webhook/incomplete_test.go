package webhook

import (
	"errors"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestIncomplete(t *testing.T) {
	t.Run("an incomplete message sets no level", testIncompleteMessageSetsNoLevel)
}

// stated is the only level of a message.
type stated struct {
	key   string
	value scalers.Milli
	on    bool
}

func testIncompleteMessageSetsNoLevel(t *testing.T) {
	for name, metadata := range map[string]map[string]string{
		"a number": {"hook": "depth", "value": "body.depth", "at": "body.time", "match": `body.kind == "depth"`, "threshold": "10"},
		"one of many": {
			"hook": "depth", "each": "body.queues", "key": "item.name", "value": "double(item.depth)", "while": `item.state != "gone"`, "threshold": "10",
		},
	} {
		t.Run(name, func(t *testing.T) {
			decoded, err := Kind().Decode(metadata)
			if err != nil {
				t.Fatal(err)
			}
			config, _ := decoded.(Config)
			r, err := compile(config)
			if err != nil {
				t.Fatal(err)
			}
			body := `{"kind":"depth","depth":42,"time":"2026-01-01T00:00:00Z","queues":[{"name":"a","depth":"42","state":"up"}]}`
			triggertest.Incomplete(t, []byte(body), func(body []byte) (stated, error) {
				decoded, err := triggers.DecodeJSON(body)
				if err != nil {
					return stated{}, err
				}
				levels, err := r.levels(t.Context(), config, decoded, triggers.Message{Raw: body, Body: decoded})
				switch {
				case err != nil:
					return stated{}, err
				case len(levels) == 0:
					return stated{}, errors.New("it does not concern the trigger")
				}
				return stated{levels[0].Key, levels[0].Value, levels[0].On}, nil
			})
		})
	}
}
