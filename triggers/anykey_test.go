package triggers

import (
	"maps"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestAnyKey(t *testing.T) {
	t.Run("all metadata is passed on as it is written", testAllMetadataIsPassedOnAsItIsWritten)
	t.Run("a misspelt parameter is refused", testMisspeltParameterIsRefused)
	t.Run("the field must be a map", testFieldMustBeMap)
}

// relayed passes its metadata on.
type relayed struct {
	Address string            `json:"address" required:"true" doc:"Where."`
	Secure  bool              `json:"secure" doc:"How."`
	All     map[string]string `json:"*" doc:"What the server interprets."`
}

// Validate finds no mistake.
func (relayed) Validate() error { return nil }

// Trigger is not used.
func (relayed) Trigger() scalers.Trigger { return scalers.Trigger{} }

func relayedKind() Kind {
	return Define("relayed", "Relayed.", relayed{}, func(relayed, Env) (Source, error) { return nil, nil }) // Never called.
}

func testAllMetadataIsPassedOnAsItIsWritten(t *testing.T) {
	metadata := map[string]string{"address": "here", "secure": "TRUE", "query": " a ", "*": "star", "": "none"}
	c, err := relayedKind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := c.(relayed)
	if got.Address != "here" || !got.Secure || !maps.Equal(got.All, metadata) {
		t.Errorf("got %+v, want all of %v", got, metadata)
	}
	got.All["query"] = "changed"
	if metadata["query"] != " a " {
		t.Error("the config shares the map of its metadata")
	}
}

func testMisspeltParameterIsRefused(t *testing.T) {
	for _, key := range []string{"addrss", "addresss", "Address", "sceure", "SECURE"} {
		metadata := map[string]string{key: "true"}
		if !strings.HasPrefix(strings.ToLower(key), "ad") {
			metadata["address"] = "here"
		}
		_, err := relayedKind().Decode(metadata)
		if mistakes := FieldErrors(err); len(mistakes) != 1 || mistakes[0].Field != key || !strings.Contains(mistakes[0].Suggestion, "did you mean") {
			t.Errorf("%s: got %v, want one mistake with a suggestion", key, err)
		}
	}
	for _, key := range []string{"secured", "addresses"} {
		if _, err := relayedKind().Decode(map[string]string{"address": "here", "secure": "true", key: "x"}); err != nil {
			t.Errorf("%s beside the parameters that it resembles: got %v, want no error", key, err)
		}
	}
}

// relayedText has the key * for a text.
type relayedText struct {
	Rest string `json:"*" doc:"Text."`
}

// Validate finds no mistake.
func (relayedText) Validate() error { return nil }

// Trigger is not used.
func (relayedText) Trigger() scalers.Trigger { return scalers.Trigger{} }

func testFieldMustBeMap(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Define accepts the key * for a text")
		}
	}()
	Define("bad", "Bad.", relayedText{}, func(relayedText, Env) (Source, error) { return nil, nil }) // Never called.
}
