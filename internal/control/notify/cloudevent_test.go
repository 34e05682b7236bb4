package notify

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestCloudEvent(t *testing.T) {
	t.Run("an event of each type follows the published schema", testEventOfEachTypeFollowsPublishedSchema)
	t.Run("the schema rejects what is no notification", testSchemaRejectsWhatIsNoNotification)
	t.Run("the id is the same for each attempt, and differs for any two events", testIDIsSameForEachAttemptAndDiffersForAnyTwoEvents)
	t.Run("attributes in headers are encoded as the specification demands", testAttributesInHeadersAreEncodedAsSpecificationDemands)
}

const schemaFile = "../../../deploy/schemas/notification.json"

// schema returns the published schema.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	content, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("notification.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("notification.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks an event in structured mode against the schema.
func validate(t *testing.T, s *jsonschema.Schema, content []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// describedFields returns the fields of the data that the published schema describes.
func describedFields(t *testing.T) map[string]any {
	t.Helper()
	var published struct {
		Properties struct {
			Data struct {
				Properties map[string]any `json:"properties"`
			} `json:"data"`
		} `json:"properties"`
	}
	content, err := os.ReadFile(schemaFile)
	if err == nil {
		err = json.Unmarshal(content, &published)
	}
	if err != nil {
		t.Fatal(err)
	}
	return published.Properties.Data.Properties
}

func testEventOfEachTypeFollowsPublishedSchema(t *testing.T) {
	s, known := schema(t), describedFields(t)
	all := examples(Types())
	for i, e := range append(all, all...) {
		cluster := ""
		if i < len(all) {
			cluster = "prod-1"
		}
		content, err := newCloudEvent(e, cluster).structured()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, content); err != nil {
			t.Errorf("%s: %v\n%s", e.Type, err, content)
		}
		var sent struct {
			Data map[string]any `json:"data"`
		}
		if err := json.Unmarshal(content, &sent); err != nil {
			t.Fatal(err)
		}
		for field := range sent.Data {
			if known[field] == nil {
				t.Errorf("%s: the schema does not describe the field %s", e.Type, field)
			}
		}
	}
}

func testSchemaRejectsWhatIsNoNotification(t *testing.T) {
	s := schema(t)
	valid, err := newCloudEvent(examples([]Type{Scaled})[0], "").structured()
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"specversion":"1.0"`, `"specversion":"0.3"`},
		{`.scaled.v1`, `.scaled.v9`},
		{`"from":2,`, ``},
		{`.scaled.v1`, `.failing.v1`},
		{`"time":"2026-11-29`, `"time":"yesterday`},
		{`/apis/`, `apis/`},
	} {
		changed := strings.Replace(string(valid), change[0], change[1], 1)
		if changed == string(valid) {
			t.Errorf("%s does not contain %s", valid, change[0])
		}
		if err := validate(t, s, []byte(changed)); err == nil {
			t.Errorf("the schema accepts %s", changed)
		}
	}
}

func testIDIsSameForEachAttemptAndDiffersForAnyTwoEvents(t *testing.T) {
	seen := map[string]*Event{}
	var all []*Event
	for _, e := range examples(Types()) {
		later, other, moved := *e, *e, *e
		later.Time = later.Time.Add(time.Nanosecond)
		other.UID = "another"
		moved.Trigger += "x"
		all = append(all, e, &later, &other, &moved)
	}
	for _, e := range all {
		again := *e
		if again.id() != e.id() {
			t.Errorf("%+v has two ids", e)
		}
		if other := seen[e.id()]; other != nil {
			t.Errorf("%+v and %+v have one id", e, other)
		}
		seen[e.id()] = e
	}
}

func testAttributesInHeadersAreEncodedAsSpecificationDemands(t *testing.T) {
	for text, want := range map[string]string{
		"Deployment/web": "Deployment/web", `say "hi" 100%`: "say%20%22hi%22%20100%25", "Grüße\n": "Gr%C3%BC%C3%9Fe%0A",
	} {
		got := headerValue(text)
		if got != want {
			t.Errorf("%q is encoded as %q, want %q", text, got, want)
		}
		if back, err := url.PathUnescape(got); err != nil || back != text {
			t.Errorf("%q is decoded as %q, want %q", got, back, text)
		}
	}
	_, header, err := newCloudEvent(examples([]Type{Scaled})[0], "").binary()
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Type": {"sh.impulse.scaledobject.scaled.v1"}, "Ce-Subject": {"Deployment/checkout"}}
	for name := range want {
		if header.Get(name) != want.Get(name) {
			t.Errorf("%s is %q, want %q", name, header.Get(name), want.Get(name))
		}
	}
	if header.Get("Ce-Cluster") != "" {
		t.Errorf("there is a header for the attribute cluster, which the event does not have")
	}
}
