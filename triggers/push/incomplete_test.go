package push

import (
	"net/http"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestIncomplete(t *testing.T) {
	t.Run("an incomplete push sets no level", testIncompletePushSetsNoLevel)
}

func testIncompletePushSetsNoLevel(t *testing.T) {
	for name, c := range map[string]struct{ media, body string }{
		"a level": {"application/json", `{"value":42,"ttl":"60s"}`},
		"a CloudEvent": {"application/cloudevents+json", `{"specversion":"1.0","id":"1","source":"jobs","type":"level","time":"2026-01-01T00:00:00Z",
			"datacontenttype":"application/json","data":{"value":"42","ttl":"60s"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			triggertest.Incomplete(t, []byte(c.body), func(body []byte) (scalers.Milli, error) {
				decoded, err := triggers.DecodeJSON(body)
				if err != nil {
					return 0, err
				}
				levels, err := Config{}.decode(t.Context(), triggers.Message{Header: http.Header{"Content-Type": {c.media}}, Raw: body, Body: decoded})
				if err != nil {
					return 0, err
				}
				return levels[0].Value, nil
			})
		})
	}
}
