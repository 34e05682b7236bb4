package redis

import (
	"maps"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("the kinds of one server conform to the contract of triggers", testKindsOfOneServerConform)
	t.Run("the kinds of a cluster conform to the contract of triggers", testKindsOfClusterConform)
	t.Run("the kinds of Sentinels conform to the contract of triggers", testKindsOfSentinelsConform)
}

// conform runs the suite for the kind of a list and for that of a stream.
func conform(t *testing.T, list, stream triggers.Kind, f triggertest.Fixture) {
	t.Helper()
	for _, c := range []struct {
		kind     triggers.Kind
		metadata map[string]string
	}{
		{list, map[string]string{"listName": "jobs"}},
		{stream, map[string]string{"stream": "orders", "consumerGroup": "billing", "lagCount": "10"}},
	} {
		maps.Copy(c.metadata, f.Metadata)
		g := f
		g.Metadata = c.metadata
		t.Run(c.kind.Name, func(t *testing.T) { triggertest.Conform(t, c.kind, g) })
	}
}

// fill adds a list and a stream with a consumer group.
func fill(t *testing.T, client universal) {
	t.Helper()
	for _, command := range [][]any{
		{"RPUSH", "jobs", 1, 2, 3}, {"XADD", "orders", "*", "k", "v"}, {"XGROUP", "CREATE", "orders", "billing", "0"},
	} {
		if err := client.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func testKindsOfOneServerConform(t *testing.T) {
	s := start(t)
	fill(t, s.client)
	s.do("CONFIG", "SET", "requirepass", "correct horse")
	s.args = append(s.args, "--requirepass", "correct horse")
	conform(t, Redis(), Streams(), triggertest.Fixture{
		Metadata: map[string]string{"address": s.address},
		Secrets:  map[string]string{"username": "default", "password": "correct horse"},
		Break:    func(testing.TB) { s.Kill() },
		Repair:   func(testing.TB) { s.restart() },
	})
}
