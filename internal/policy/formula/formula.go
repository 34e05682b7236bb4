package formula

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

const (
	// maxLength bounds the text, in bytes, and maxNodes its syntax tree.
	maxLength = 4096
	maxNodes  = 400
)

// functions are the functions that a formula may call. They take and return numbers.
var functions = []string{
	"all", "none", "any", "one", "filter", "map", "count", "sum", "reduce", "len", "abs", "ceil", "floor", "round", "int",
	"float", "max", "min", "mean", "median", "first", "last",
}

// The errors of texts and names that are no formula, and of formulas that give no number.
var (
	errLong    = fmt.Errorf("is longer than %d characters", maxLength)
	errEmpty   = errors.New("is empty")
	errName    = errors.New("cannot be a name in a formula: use letters, digits and _, and no digit first")
	errNumber  = errors.New("the formula gives no number")
	errFinite  = errors.New("the formula gives a number that is not finite")
	errMissing = errors.New("the formula needs a trigger that is unknown: give a default, as in (a ?? 0)")
)

// variableName matches the names that a variable can have.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Program is a compiled formula. It is safe for concurrent use.
type Program struct {
	names    []string
	program  *vm.Program
	warnings []Warning
}

// Compile compiles a formula over triggers with these names. perPod are the names of the per-pod triggers of the same object, which
// a formula cannot use. It returns an error for a formula that can never give a number; the error names the column or the remedy.
func Compile(text string, names, perPod []string) (*Program, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return nil, errEmpty
	case len(text) > maxLength:
		return nil, errLong
	}
	variables := types.Map{}
	for _, name := range names {
		if !variableName.MatchString(name) || slices.Contains(functions, name) {
			return nil, fmt.Errorf("%q %w", name, errName)
		}
		variables[name] = types.Float64
	}
	numbers := &numbers{perPod: perPod}
	program, err := compile(text, variables, numbers)
	if err != nil {
		return nil, err
	}
	return &Program{names: names, program: program, warnings: warnings(text, variables, numbers)}, nil
}

// compile compiles a formula over variables.
func compile(text string, variables types.Map, numbers *numbers) (*vm.Program, error) {
	bounds := &bounds{}
	options := append(guards(), expr.Env(variables), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(), expr.Patch(bounds), expr.Patch(numbers))
	for _, f := range functions {
		options = append(options, expr.EnableBuiltin(f))
	}
	program, err := expr.Compile(text, options...)
	switch {
	case bounds.err != nil:
		return nil, bounds.err
	case numbers.err != nil:
		return nil, numbers.err
	case err != nil:
		return nil, withColumn(err)
	default:
		return program, numbers.result()
	}
}

// withColumn returns an error of expr-lang in one line, with its column.
func withColumn(err error) error {
	if at, ok := errors.AsType[*file.Error](err); ok {
		return fmt.Errorf("column %d: %s", at.Column+1, at.Message)
	}
	return err
}

// Run evaluates the formula. values are in the order of the names; nil is an unknown level. It returns a finite number or an error,
// and does not panic. The error for a formula that needs an unknown level says so.
func (p *Program) Run(values []*float64) (float64, error) {
	environment := make(map[string]any, len(p.names))
	missing := false
	for i, name := range p.names {
		if i < len(values) && values[i] != nil {
			environment[name] = *values[i]
			continue
		}
		environment[name], missing = nil, true
	}
	out, err := expr.Run(p.program, environment)
	if err != nil {
		if missing && !errors.Is(err, errWhole) {
			return 0, errMissing
		}
		return 0, withColumn(err)
	}
	var number float64
	switch n := out.(type) {
	case float64:
		number = n
	case int:
		number = float64(n)
	default:
		if out == nil && missing {
			return 0, errMissing
		}
		return 0, fmt.Errorf("%w: it is a %T", errNumber, out)
	}
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return 0, errFinite
	}
	return number, nil
}
