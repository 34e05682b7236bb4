// Package formula evaluates the expressions with which users combine triggers: KEDA's scalingModifiers, in expr-lang. The
// level of a trigger is a variable of its name, nil while it is unknown.
//
// Whatever a user writes ends soon: there are no ranges, loops are over what stands in the text, and they nest once.
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
	// longest bounds the text, maxNodes what it consists of.
	longest  = 4096
	maxNodes = 400
)

// functions are those that a formula may call: numbers in, numbers out.
var functions = []string{
	"all", "none", "any", "one", "filter", "map", "count", "sum", "reduce", "len", "abs", "ceil", "floor", "round", "int",
	"float", "max", "min", "mean", "median", "first", "last",
}

// Errors of a formula that gives no number.
var (
	errLong    = fmt.Errorf("is longer than %d characters", longest)
	errEmpty   = errors.New("is empty")
	errName    = errors.New("cannot be a name in a formula: use letters, digits and _, and no digit first")
	errNumber  = errors.New("the formula gives no number")
	errFinite  = errors.New("the formula gives a number that is not finite")
	errMissing = errors.New("the formula needs a trigger that is unknown: say what then, as in (a ?? 0)")
)

// word is what can be a variable.
var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Program is a formula that has been understood. It is safe for concurrent use.
type Program struct {
	names    []string
	program  *vm.Program
	warnings []Warning
}

// Compile reads a formula over triggers of these names. perPod are the triggers of single pods beside them, which no formula
// can read. The error says where it is wrong; a formula that can never give a number is.
func Compile(text string, names, perPod []string) (*Program, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return nil, errEmpty
	case len(text) > longest:
		return nil, errLong
	}
	variables := types.Map{}
	for _, name := range names {
		if !word.MatchString(name) || slices.Contains(functions, name) {
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

// compile reads a formula over variables.
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
		return nil, located(err)
	default:
		return program, numbers.answer()
	}
}

// located is an error of expr-lang in one line.
func located(err error) error {
	if at, ok := errors.AsType[*file.Error](err); ok {
		return fmt.Errorf("column %d: %s", at.Column+1, at.Message) //nolint:err113 // It is what the user wrote.
	}
	return err
}

// Run evaluates the formula. values are in the order of the names; a nil one is unknown. It gives a finite number or an
// error, and never panics.
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
		return 0, located(err)
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
