package webhook

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"

	"github.com/impulse-sh/impulse/triggers"
)

func TestCEL(t *testing.T) {
	t.Run("mistakes are reported with their position", testMistakesAreReportedWithTheirPosition)
	t.Run("a panic of an evaluation is an error", testPanicOfEvaluationIsError)
	t.Run("an evaluation ends with its request", testEvaluationEndsWithItsRequest)
	t.Run("an evaluation that exceeds the time limit is cancelled", testEvaluationThatExceedsTimeLimitIsCancelled)
}

func testMistakesAreReportedWithTheirPosition(t *testing.T) {
	valid := func(more ...string) map[string]string {
		m := map[string]string{"hook": "jobs", "threshold": "1"}
		for i := 0; i+1 < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for _, c := range []struct {
		metadata map[string]string
		want     string
	}{
		{valid("hook", "Git Hub"), `hook: "Git Hub" is not the name of a hook`},
		{valid("value", "body.x +"), "value: 1:9: Syntax error"},
		{valid("value", "boddy.x"), "value: 1:1: undeclared reference to 'boddy'"},
		{valid("value", "item.x"), "value: 1:1: undeclared reference to 'item'"},
		{valid("match", "body.a ==\n == 1"), "match: 2:2: Syntax error"},
		{valid("value", `"many"`), "value: its result is string, expected double or int or uint (double(…) converts text to a number)"},
		{valid("match", `1`), "match: its result is int, expected bool"},
		{valid("key", `1 + 1`), "key: its result is int, expected string (string(…) converts a number to text)"},
		{valid("at", `[1]`), "at: its result is list"},
		{valid("each", `"x"`, "key", "item.id"), "each: its result is string"},
		{valid("each", `body.jobs`), "key: is required with each"},
		{valid("match", `"a".matches("(")`), "match: 1:"},
		{valid("at", `timestamp("never")`), "at: 1:"},
		{valid("value", strings.Repeat("1+", 3000)+"1"), "value: is longer than 4096 characters"},
		{valid("match", `"`+strings.Repeat("ä", 3000)+`" == boddy`), "undeclared reference to 'boddy'"},
		{valid("value", strings.Repeat("(", 500)+"1"+strings.Repeat(")", 500)), "value: "},
		{valid("match", `body.all(a, body.all(b, body.all(c, a == c)))`), "match: 1:"},
		{valid("replicas", "3"), "threshold: has no effect with replicas"},
		{map[string]string{"hook": "jobs"}, "replicas: is required, or threshold"},
		{map[string]string{"hook": "jobs", "replicas": "3", "value": "1"}, "replicas: does not depend on the level"},
		{valid("aggregation", "avg"), `aggregation: "avg" is unknown`},
		{valid("ttl", "-1s"), "ttl: -1s is below 0"},
		{valid("format", "xml"), `format: "xml" is unknown`},
		{valid("format", "sns"), "topicARN: is required with format sns"},
		{valid("format", "sns", "topicARN", "arn:aws:sqs:eu-central-1:123456789012:x"), "topicARN: is not the ARN of an SNS topic"},
		{valid("format", "sns", "topicARN", "arn:aws:sns:evil.example/x-1:123456789012:x"), "topicARN: is not the ARN of an SNS topic"},
		{valid("topicARN", "arn:aws:sns:eu-central-1:123456789012:x"), "topicARN: has no effect without format sns"},
	} {
		_, err := Kind().Decode(c.metadata)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.200v: got %v, want %q", c.metadata, err, c.want)
		}
	}
	_, err := Kind().Decode(valid("value", "body.x +", "match", "nope", "key", "1"))
	if all := triggers.FieldErrors(err); len(all) < 3 {
		t.Errorf("not all mistakes at once: %v", err)
	}
}

// broken is an expression whose evaluation panics.
type broken struct{}

func (broken) ContextEval(context.Context, any) (ref.Val, *cel.EvalDetails, error) {
	panic("index out of\nrange")
}

func testPanicOfEvaluationIsError(t *testing.T) {
	c := Config{Hook: "jobs", Threshold: 1000}
	r := &rules{value: &expression{"value", broken{}}}
	levels, err := r.levels(t.Context(), c, map[string]any{}, triggers.Message{})
	if err == nil || err.Error() != "value: the evaluation panicked: index out of\\nrange" || levels != nil {
		t.Errorf("%v, %v", levels, err)
	}
}

func testEvaluationEndsWithItsRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := compile(Config{Value: "size(body.map(a, a + 1))"})
	if err != nil {
		t.Fatal(err)
	}
	body := make([]any, 100_000)
	for i := range body {
		body[i] = i
	}
	if _, err := r.levels(ctx, Config{}, body, triggers.Message{}); !errors.Is(err, triggers.ErrUnavailable) || !strings.HasSuffix(err.Error(), "value: the evaluation took too long") {
		t.Error(err)
	}
}

// waiting is an expression whose evaluation ends with its context alone.
type waiting struct{}

func (waiting) ContextEval(ctx context.Context, _ any) (ref.Val, *cel.EvalDetails, error) {
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func testEvaluationThatExceedsTimeLimitIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rules{value: &expression{"value", waiting{}}}
		began := time.Now()
		_, err := r.levels(t.Context(), Config{}, map[string]any{}, triggers.Message{})
		if took := time.Since(began); took != maxTime || !errors.Is(err, triggers.ErrUnavailable) {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

// FuzzDecode: any expression is refused with an error of one line, or the trigger can be opened.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"body.x", `body.a.b[0] + "x"`, "body.map(a, a)", "1/0", "((((", "[[[[", "has(body.x) ? 1 : 2", "'\xff'", "timestamp(1)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		metadata := map[string]string{"hook": "jobs", "threshold": "1", "value": text, "key": text, "at": text}
		c, err := Kind().Decode(metadata)
		if err != nil {
			for _, e := range triggers.FieldErrors(err) {
				if strings.Contains(e.Problem, "\n") || len(e.Problem) > 600 {
					t.Errorf("%q: the error is not one short line: %q", text, e.Problem)
				}
			}
			return
		}
		if _, err := Kind().Open(c, triggers.Env{}); err != nil {
			t.Errorf("%q decodes but does not open: %v; want no error", text, err)
		}
	})
}

// FuzzLevels: any message gives levels that can be recorded, or an error of one line.
func FuzzLevels(f *testing.F) {
	for _, seed := range []string{
		`{"items":[{"id":"a","n":1,"on":true,"at":1}]}`, `{"items":[{"id":"a","n":1e400,"on":false,"at":"2026-01-01T00:00:00Z"}]}`,
		`{"items":{"a":1}}`, `{"items":[null,[],{}]}`, `[]`, `{"items":[{"id":"","n":"1","on":1,"at":-1}]}`,
	} {
		f.Add([]byte(seed))
	}
	c := Config{Each: "body.items", Key: "string(item.id)", Value: "double(item.n)", While: "item.on", At: "item.at", Threshold: 1000}
	r, err := compile(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := triggers.DecodeJSON(data)
		if err != nil {
			return
		}
		levels, err := r.levels(t.Context(), c, body, triggers.Message{})
		if err != nil && (len(levels) > 0 || strings.Contains(err.Error(), "\n") || len(err.Error()) > 600) {
			t.Errorf("%s: %v, %q", data, levels, err)
		}
		for _, l := range levels {
			if l.Key == "" || l.Value < 0 || !l.At.IsZero() && (l.At.Year() < 1970 || l.At.Year() > 9999) {
				t.Errorf("%s: took %+v", data, l)
			}
		}
	})
}
