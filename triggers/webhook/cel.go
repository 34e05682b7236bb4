package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// maxExpression limits the text of an expression, in code points.
	maxExpression = 4096
	// maxCost limits the cost of one evaluation, in CEL's cost units. An evaluation of this cost takes a few hundredths of a second.
	maxCost = 100_000
	// maxTime limits the duration of one evaluation, as the cost of comparing lists of lists is underestimated.
	maxTime = time.Second
	// maxMemory limits what one evaluation allocates, by CEL's estimate, in bytes.
	maxMemory = 64 << 20
	// maxLoops limits the nesting of loops.
	maxLoops = 2
	// maxDepth limits the nesting of an expression.
	maxDepth = 64
	// maxReason limits the text of one error, in bytes.
	maxReason = 300
)

// environments returns the CEL environments without and with the variable item. They are expensive, so they are created once.
var environments = sync.OnceValues(func() ([2]*cel.Env, error) {
	var all [2]*cel.Env
	plain, err := cel.NewEnv(
		cel.Variable("body", cel.DynType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("query", cel.MapType(cel.StringType, cel.StringType)),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxDepth),
		cel.ASTValidators(
			cel.ValidateComprehensionNestingLimit(maxLoops), cel.ValidateRegexLiterals(),
			cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals(),
		),
	)
	if err != nil {
		return all, err
	}
	withItem, err := plain.Extend(cel.Variable("item", cel.DynType))
	return [2]*cel.Env{plain, withItem}, err
})

// evaluator is the part of cel.Program that expression uses.
type evaluator interface {
	ContextEval(ctx context.Context, variables any) (ref.Val, *cel.EvalDetails, error)
}

// expression is a compiled expression of a trigger; nil if it is not set.
type expression struct {
	field string
	evaluator
}

// compileExpression compiles the text of a field. The result must have one of the types. With withItem, the expression may use the variable
// item.
func compileExpression(field, text string, withItem bool, kinds ...*cel.Type) (*expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil // The expression is not set.
	}
	all, err := environments()
	if err != nil {
		return nil, wrong(field, "cannot be compiled: "+err.Error(), "this is a bug in Impulse")
	}
	env := all[0]
	if withItem {
		env = all[1]
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, compileErrors(field, text, issues)
	}
	if err := checkType(field, ast.OutputType(), kinds); err != nil {
		return nil, err
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.MemoryLimit(maxMemory), cel.InterruptCheckFrequency(20))
	if err != nil {
		return nil, wrong(field, "cannot be run: "+printable.Line(err.Error(), maxReason), "")
	}
	return &expression{field, program}, nil
}

// compileErrors returns the first errors of the compiler, with their positions.
func compileErrors(field, text string, issues *cel.Issues) error {
	if utf8.RuneCountInString(text) > maxExpression {
		return wrong(field, fmt.Sprintf("is longer than %d characters", maxExpression), "")
	}
	var all []error
	for _, e := range issues.Errors() {
		problem := printable.Line(e.Message, maxReason)
		if e.Location.Line() > 0 {
			problem = fmt.Sprintf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, problem)
		}
		all = append(all, wrong(field, problem, "it is a CEL expression over body, headers and query, and item with each"))
		if len(all) == 3 {
			break
		}
	}
	return errors.Join(all...)
}

// checkType returns an error for an expression whose result is known to have a wrong type.
func checkType(field string, got *cel.Type, kinds []*cel.Type) error {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		if got.Kind() == cel.DynKind || got.IsExactType(cel.NullType) || got.Kind() == kind.Kind() {
			return nil
		}
		names[i] = kind.String()
	}
	hint := ""
	switch got.Kind() {
	case cel.StringKind:
		hint = "double(…) converts text to a number"
	case cel.IntKind, cel.DoubleKind:
		hint = "string(…) converts a number to text"
	default:
	}
	return wrong(field, fmt.Sprintf("its result is %s, expected %s", got, strings.Join(names, " or ")), hint)
}

// input holds the variables of an evaluation, and the function that schedules it.
type input struct {
	variables map[string]any
	evaluate  func(ctx context.Context, run func() (cost uint64)) error
}

// newInput returns the input for a message with a decoded body.
func newInput(body any, m triggers.Message) input {
	in := input{
		variables: map[string]any{"body": body, "headers": firstValues(m.Header, strings.ToLower), "query": firstValues(m.Query, strings.Clone)},
		evaluate:  m.Evaluate,
	}
	if in.evaluate == nil {
		in.evaluate = func(_ context.Context, run func() uint64) error {
			run()
			return nil
		}
	}
	return in
}

// withItem returns the input with an element of each as the variable item.
func (in input) withItem(item ref.Val) input {
	in.variables = maps.Clone(in.variables)
	in.variables["item"] = item
	return in
}

// eval evaluates an expression when it is the namespace's turn. The error is one line that names the field.
func (e *expression) eval(ctx context.Context, in input) (v ref.Val, err error) {
	refused := in.evaluate(ctx, func() (cost uint64) {
		v, cost, err = e.run(ctx, in.variables)
		return cost
	})
	if refused != nil {
		return nil, fmt.Errorf("%s: %w", e.field, refused)
	}
	return v, err
}

// run evaluates an expression within the limits. It returns the cost, which is maxCost if it is not known.
func (e *expression) run(ctx context.Context, variables map[string]any) (v ref.Val, cost uint64, err error) {
	cost = maxCost
	defer func() {
		if cause := recover(); cause != nil {
			v, err = nil, fmt.Errorf("%s: the evaluation panicked: %s", e.field, printable.Line(fmt.Sprint(cause), maxReason))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	v, details, err := e.ContextEval(ctx, variables)
	if actual := details.ActualCost(); actual != nil {
		cost = *actual
	}
	switch {
	case ctx.Err() != nil:
		return nil, cost, fmt.Errorf("%w: %s: the evaluation took too long", triggers.ErrUnavailable, e.field)
	case err != nil && strings.Contains(err.Error(), "cost limit exceeded"):
		return nil, cost, fmt.Errorf("%s: the evaluation is too costly for this message", e.field)
	case err != nil:
		return nil, cost, fmt.Errorf("%s: %s", e.field, printable.Line(err.Error(), maxReason))
	}
	return v, cost, nil
}
