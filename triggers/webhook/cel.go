package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// maxExpression bounds the text of an expression, in code points.
	maxExpression = 4096
	// maxCost bounds one evaluation, in CEL's own units: some ten thousand steps, and a few hundredths of a second.
	maxCost = 100_000
	// maxTime bounds one evaluation as well: comparing lists of lists takes longer than its cost tells.
	maxTime = time.Second
	// maxMemory bounds what one evaluation builds, in CEL's estimate.
	maxMemory = 64 << 20
	// maxLoops bounds how deep loops stand in each other.
	maxLoops = 2
	// maxDepth bounds how deep an expression is nested.
	maxDepth = 64
	// maxReason bounds what is said of one evaluation.
	maxReason = 300
)

// environments are the languages of expressions: what they can name. Making one is costly.
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
	within, err := plain.Extend(cel.Variable("item", cel.DynType))
	return [2]*cel.Env{plain, within}, err
})

// evaluator is a compiled expression. *cel.Program's are.
type evaluator interface {
	ContextEval(ctx context.Context, variables any) (ref.Val, *cel.EvalDetails, error)
}

// expression is one of the expressions of a trigger; a nil one was not given.
type expression struct {
	field string
	evaluator
}

// compileExpression reads the text of a field, whose answer must be of one of the kinds.
func compileExpression(field, text string, within bool, kinds ...*cel.Type) (*expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil // There is none, and nothing is wrong.
	}
	all, err := environments()
	if err != nil {
		return nil, wrong(field, "cannot be read: "+err.Error(), "this is a defect")
	}
	env := all[0]
	if within {
		env = all[1]
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, mistakes(field, text, issues)
	}
	if err := answers(field, ast.OutputType(), kinds); err != nil {
		return nil, err
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.MemoryLimit(maxMemory), cel.InterruptCheckFrequency(20))
	if err != nil {
		return nil, wrong(field, "cannot be run: "+printable.Line(err.Error(), maxReason), "")
	}
	return &expression{field, program}, nil
}

// mistakes are what the compiler says, each with its position.
func mistakes(field, text string, issues *cel.Issues) error {
	if len(text) > maxExpression {
		return wrong(field, fmt.Sprintf("is longer than %d characters", maxExpression), "")
	}
	var all []error
	for _, e := range issues.Errors() {
		problem := printable.Line(e.Message, maxReason)
		if e.Location.Line() > 0 {
			problem = fmt.Sprintf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, problem)
		}
		all = append(all, wrong(field, problem, "it is CEL over body, headers and query, and item with each"))
		if len(all) == 3 {
			break
		}
	}
	return errors.Join(all...)
}

// answers refuses an expression of which it is known beforehand that its answer is of no use.
func answers(field string, got *cel.Type, kinds []*cel.Type) error {
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
		hint = "double(…) makes a number of text"
	case cel.IntKind, cel.DoubleKind:
		hint = "string(…) makes text of a number"
	default:
	}
	return wrong(field, fmt.Sprintf("its answer is %s: %s was expected", got, strings.Join(names, " or ")), hint)
}

// input is what expressions see of a message, and how it has them evaluated.
type input struct {
	variables map[string]any
	evaluate  func(ctx context.Context, run func() (cost uint64)) error
}

// newInput is the input of a message whose body has been opened.
func newInput(body any, m triggers.Message) input {
	in := input{
		variables: map[string]any{"body": body, "headers": firsts(m.Header, strings.ToLower), "query": firsts(m.Query, strings.Clone)},
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

// within is the input that has an element of each as well.
func (in input) within(item ref.Val) input {
	in.variables = maps.Clone(in.variables)
	in.variables["item"] = item
	return in
}

// eval evaluates an expression in its turn. Its error is one line, and says which expression and why.
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

// run evaluates an expression within the limits, and returns what it cost: the most that it may when that is not known.
func (e *expression) run(ctx context.Context, variables map[string]any) (v ref.Val, cost uint64, err error) {
	cost = maxCost
	defer func() {
		if cause := recover(); cause != nil {
			v, err = nil, fmt.Errorf("%s: it panicked: %s", e.field, printable.Line(fmt.Sprint(cause), maxReason))
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
		return nil, cost, fmt.Errorf("%w: %s: it took too long", triggers.ErrUnavailable, e.field)
	case err != nil && strings.Contains(err.Error(), "cost limit exceeded"):
		return nil, cost, fmt.Errorf("%s: it is too costly for this message", e.field)
	case err != nil:
		return nil, cost, fmt.Errorf("%s: %s", e.field, printable.Line(err.Error(), maxReason))
	}
	return v, cost, nil
}
