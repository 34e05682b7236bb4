package httpserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

func TestOpenAPI(t *testing.T) {
	t.Run("the OpenAPI document has every route and no other", testOpenAPIDocumentHasEveryRouteAndNoOther)
	t.Run("every example of the OpenAPI document gets the documented response", testEveryExampleOfOpenAPIDocumentGetsDocumentedResponse)
	t.Run("the schemas of the OpenAPI document match the responses", testSchemasOfOpenAPIDocumentMatchResponses)
	t.Run("the OpenAPI document is served", testOpenAPIDocumentIsServed)
}

// openAPIDocument is the OpenAPI document, as far as the tests read it.
type openAPIDocument struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Parameters    map[string]parameter
		RequestBodies map[string]requestBody
	}
}

type operation struct {
	OperationID string
	RequestBody *requestBody
	Responses   map[string]any
}

type parameter struct {
	Ref     string `json:"$ref"`
	Name    string
	Example string
}

type requestBody struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema   map[string]any
		Examples map[string]example
	}
}

type example struct {
	Value   json.RawMessage
	Answer  int               `json:"x-answer"`
	Headers map[string]string `json:"x-headers"`
	Path    map[string]string `json:"x-path"`
}

func readDocument(t *testing.T) openAPIDocument {
	t.Helper()
	var d openAPIDocument
	if err := yaml.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// eachOperation calls visit with every operation.
func (d openAPIDocument) eachOperation(t *testing.T, visit func(method, path string, op operation, parameters []parameter)) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		parameters := d.parameters(t, path)
		for method, raw := range d.Paths[path] {
			if method != "parameters" {
				visit(strings.ToUpper(method), path, d.operation(t, raw), parameters)
			}
		}
	}
}

// parameters returns the parameters of a path.
func (d openAPIDocument) parameters(t *testing.T, path string) []parameter {
	t.Helper()
	raw := d.Paths[path]["parameters"]
	if raw == nil {
		return nil
	}
	var all []parameter
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			all[i] = d.Components.Parameters[name]
		}
	}
	return all
}

func (d openAPIDocument) operation(t *testing.T, raw json.RawMessage) operation {
	t.Helper()
	var op operation
	if err := json.Unmarshal(raw, &op); err != nil {
		t.Fatal(err)
	}
	if op.RequestBody != nil && op.RequestBody.Ref != "" {
		body := d.Components.RequestBodies[strings.TrimPrefix(op.RequestBody.Ref, "#/components/requestBodies/")]
		op.RequestBody = &body
	}
	return op
}

// withLive adds the routes of live objects, for any host.
func withLive(o *Options) { o.Live, o.AllowFromAnywhere = &fakeLive{}, true }

func testOpenAPIDocumentHasEveryRouteAndNoOther(t *testing.T) {
	e, ok := serveTriggers(t, &record{}, withLive).(*echo.Echo)
	if !ok {
		t.Fatal("the handler has no routes")
	}
	var served, described []string
	for _, r := range e.Routes() {
		words := strings.Split(r.Path, "/")
		for i, word := range words {
			if name, ok := strings.CutPrefix(word, ":"); ok {
				words[i] = "{" + name + "}"
			}
		}
		served = append(served, r.Method+" "+strings.Join(words, "/"))
	}
	ids := map[string]bool{}
	readDocument(t).eachOperation(t, func(method, path string, op operation, parameters []parameter) {
		described = append(described, method+" "+path)
		if op.OperationID == "" || ids[op.OperationID] {
			t.Errorf("%s %s has the operationId %q", method, path, op.OperationID)
		}
		ids[op.OperationID] = true
		if strings.Count(path, "{") != len(parameters) {
			t.Errorf("%s describes %d parameters; want %v", path, len(parameters), len(parameters))
		}
	})
	slices.Sort(served)
	slices.Sort(described)
	if !slices.Equal(served, described) {
		t.Errorf("served are\n%s\nand described are\n%s", strings.Join(served, "\n"), strings.Join(described, "\n"))
	}
}

func testEveryExampleOfOpenAPIDocumentGetsDocumentedResponse(t *testing.T) {
	h := serveTriggers(t, &record{}, withLive)
	all := 0
	readDocument(t).eachOperation(t, func(method, path string, op operation, parameters []parameter) {
		if op.RequestBody == nil {
			if w := send(t, h, method, fill(path, parameters, nil), http.NoBody, ""); w.Code != http.StatusOK {
				t.Errorf("%s %s: %d; want 200", method, path, w.Code)
			}
			return
		}
		for media, content := range op.RequestBody.Content {
			for name, x := range content.Examples {
				all++
				request := httptest.NewRequestWithContext(t.Context(), method, fill(path, parameters, x.Path), strings.NewReader(string(x.Value)))
				request.Header.Set("Content-Type", media)
				for header, value := range x.Headers {
					request.Header.Set(header, value)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, request)
				if w.Code != x.Answer || op.Responses[strconv.Itoa(w.Code)] == nil {
					t.Errorf("%s %s, example %s: answered %d %s, and says %d", method, path, name, w.Code, w.Body, x.Answer)
				}
			}
		}
	})
	if all < 15 {
		t.Errorf("only %d examples were found", all)
	}
}

// fill puts the examples of parameters into a path; other replaces some.
func fill(path string, parameters []parameter, other map[string]string) string {
	for _, p := range parameters {
		value := p.Example
		if v, ok := other[p.Name]; ok {
			value = v
		}
		path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
	}
	return path
}

func testSchemasOfOpenAPIDocumentMatchResponses(t *testing.T) {
	text, err := yaml.YAMLToJSON(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", tree); err != nil {
		t.Fatal(err)
	}
	readDocument(t).eachOperation(t, func(method, path string, op operation, _ []parameter) {
		if op.RequestBody == nil {
			return
		}
		for _, content := range op.RequestBody.Content {
			ref := fmt.Sprint(content.Schema["$ref"])
			if !strings.HasPrefix(ref, "#/") {
				continue // Anything goes.
			}
			schema, err := compiler.Compile("openapi.json" + ref)
			if err != nil {
				t.Fatal(err)
			}
			expectValidity(t, method+" "+path, schema, content.Examples)
		}
	})
}

// expectValidity fails the test if a schema rejects an accepted example, or accepts a rejected one.
func expectValidity(t *testing.T, name string, schema *jsonschema.Schema, examples map[string]example) {
	t.Helper()
	for title, x := range examples {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(x.Value)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != (x.Answer != http.StatusBadRequest) {
			t.Errorf("%s, example %s is answered with %d, and its schema says %v", name, title, x.Answer, err)
		}
	}
}

func testOpenAPIDocumentIsServed(t *testing.T) {
	w := send(t, serveTriggers(t, &record{}, withLive), http.MethodGet, "/openapi.yaml", http.NoBody, "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/yaml" || !strings.HasPrefix(w.Body.String(), "# Everything that Impulse serves") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
