package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/impulse-sh/impulse/internal/printable"
)

const (
	// maxExpression limits the text of an expression, in code points, and maxCost the cost of one evaluation, in CEL's cost units.
	maxExpression = 8192
	maxCost       = 1_000_000
	// maxEvaluation limits the duration of one evaluation, and maxBody the size of the body that it makes, in bytes.
	maxEvaluation = time.Second
	maxBody       = 64 << 10
	// maxReason limits the text of one error, in bytes.
	maxReason = 300
)

// environment returns the CEL environment of bodies. It is expensive, so it is created once.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(64),
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(2), cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
		ext.Strings(ext.StringsVersion(4)),
	)
})

// body makes the body of a request from an event.
type body struct{ program cel.Program }

// compileBody compiles an expression. Its result must be a map or a list, which becomes JSON.
func compileBody(text string) (*body, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		var all []error
		for _, e := range issues.Errors() {
			all = append(all, fmt.Errorf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, printable.Line(e.Message, maxReason)))
		}
		return nil, errors.Join(all...)
	}
	switch ast.OutputType().Kind() {
	case types.MapKind, types.ListKind, types.DynKind:
	default:
		return nil, fmt.Errorf("its result is %s: a map or a list was expected, which becomes JSON", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(20))
	if err != nil {
		return nil, errors.New(printable.Line(err.Error(), maxReason))
	}
	return &body{program}, nil
}

// check evaluates the expression for an example of each type.
func (b *body) check(ts []Type) error {
	var all []error
	for _, e := range examples(ts) {
		if _, err := b.render(context.Background(), newCloudEvent(e, "example"), e.Time); err != nil {
			all = append(all, fmt.Errorf("for an event of type %s: %w", e.Type, err))
		}
	}
	return errors.Join(all...)
}

// render returns the body for an event.
func (b *body) render(ctx context.Context, c *cloudEvent, at time.Time) (content []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			content, err = nil, fmt.Errorf("the evaluation panicked: %s", printable.Line(fmt.Sprint(cause), maxReason))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, maxEvaluation)
	defer cancel()
	v, _, err := b.program.ContextEval(ctx, map[string]any{"event": variables(c, at)})
	if err != nil {
		return nil, errors.New(printable.Line(err.Error(), maxReason))
	}
	if v.Type() != types.MapType && v.Type() != types.ListType {
		return nil, fmt.Errorf("the result is %s: a map or a list was expected, which becomes JSON", v.Type().TypeName())
	}
	native, err := v.ConvertToNative(reflect.TypeFor[*structpb.Value]())
	if err != nil {
		return nil, fmt.Errorf("the result is not JSON: %s", printable.Line(err.Error(), maxReason))
	}
	content, err = json.Marshal(native.(*structpb.Value).AsInterface())
	switch {
	case err != nil:
		return nil, fmt.Errorf("encode the result: %w", err)
	case len(content) > maxBody:
		return nil, fmt.Errorf("the body has %d bytes, more than %d", len(content), maxBody)
	default:
		return content, nil
	}
}

// variables returns the variable event: the attributes and the data of the CloudEvent, with the time as a timestamp and the short type as
// kind. A field that an event does not have is "", 0 or an empty list, so that one expression serves all types.
func variables(c *cloudEvent, at time.Time) map[string]any {
	count := func(n *int32) int64 {
		if n == nil {
			return 0
		}
		return int64(*n)
	}
	return map[string]any{
		"id": c.ID, "source": c.Source, "type": c.Type, "subject": c.Subject, "time": at, "cluster": c.Cluster,
		"kind": strings.TrimSuffix(strings.TrimPrefix(c.Type, typePrefix), typeSuffix),
		"data": map[string]any{
			"namespace": c.Data.Namespace, "name": c.Data.Name, "uid": c.Data.UID, "target": c.Data.Target, "message": c.Data.Message,
			"reason": c.Data.Reason, "trigger": c.Data.Trigger, "from": count(c.Data.From), "to": count(c.Data.To),
			"limitedBy": append([]string{}, c.Data.LimitedBy...),
		},
	}
}
