package formula

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// The errors of formulas that can never give a number.
var (
	errModulo    = errors.New("% needs whole numbers, and a level is not always one: write int(a) % 2")
	errCondition = errors.New("has a number where a condition was expected: compare it, as in (a > 0 ? 1 : 2)")
	errBoolean   = errors.New("gives true or false, and no number: choose the numbers, as in (a > 5 ? 1 : 0)")
	errList      = errors.New("gives no number: make one of a list with sum, max or mean")
	errPerPod    = errors.New("measures single pods and cannot be used in a formula: it asks for replicas beside the formula, and the higher count wins")
)

// The errors of arguments from which expr-lang would compute an arbitrary number.
var (
	errWhole   = errors.New("int() of a number that is infinite, NaN or above 2^63 is not defined")
	errNaN     = errors.New("min, max, mean and median of a NaN, such as 0 / 0, are not defined")
	errNothing = errors.New("min, max, mean and median of an empty list are unknown: give a default, as in (len(x) > 0 ? mean(x) : 0)")
)

// The functions that check the arguments of others. Their names have a space, so that no user can write them.
const (
	finiteArgument  = "finite argument"
	numberArguments = "number arguments"
)

// guards returns the options that define these functions.
func guards() []expr.Option {
	return []expr.Option{expr.Function(finiteArgument, finite), expr.Function(numberArguments, someNumbers)}
}

// finite returns its argument, or an error when no whole number represents it: the result of int() would depend on the processor.
func finite(args ...any) (any, error) {
	if f, ok := args[0].(float64); ok && (math.IsNaN(f) || math.Abs(f) >= 1<<63) {
		return nil, errWhole
	}
	return args[0], nil
}

// someNumbers returns its arguments as a list. It returns an error when they are empty, for which the mean of expr-lang is 0, and
// for a NaN, with which the result would depend on the order of the arguments.
func someNumbers(args ...any) (any, error) {
	switch n, err := countValues(reflect.ValueOf(args)); {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, errNothing
	default:
		return args, nil
	}
}

// countValues counts the values of a list and of the lists in it. It returns an error for a NaN.
func countValues(list reflect.Value) (int, error) {
	n := 0
	for i := range list.Len() {
		value := list.Index(i)
		if value.Kind() == reflect.Interface {
			value = value.Elem()
		}
		switch value.Kind() {
		case reflect.Slice:
			inner, err := countValues(value)
			if err != nil {
				return 0, err
			}
			n += inner
		case reflect.Float64:
			if math.IsNaN(value.Float()) {
				return 0, errNaN
			}
			n++
		default:
			n++
		}
	}
	return n, nil
}

// numbers finds formulas that can never give a number, and inserts checks of arguments from which a function would compute an
// arbitrary number. It visits a typed syntax tree from the leaves to the root.
type numbers struct {
	perPod []string
	root   ast.Node
	// passes is a logical operator that gives the number on its right side; "" without one.
	passes string
	err    error
}

// Visit checks one node.
func (v *numbers) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if slices.Contains(v.perPod, n.Value) {
			v.err = fmt.Errorf("%s %w", n.Value, errPerPod)
		}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			v.condition(n.Node)
		}
	case *ast.ConditionalNode:
		v.condition(n.Cond)
	case *ast.BinaryNode:
		v.binary(node, n)
	case *ast.BuiltinNode:
		guard(n)
	}
	v.root = *node
}

// binary checks an operator. A logical operator whose right side is no condition gives that side. It is replaced by a conditional,
// because expr-lang would treat the right side as a condition.
func (v *numbers) binary(node *ast.Node, n *ast.BinaryNode) {
	var replacement *ast.ConditionalNode
	switch n.Operator {
	case "%":
		if n.Left.Type().Kind() != reflect.Int || n.Right.Type().Kind() != reflect.Int {
			v.err = errModulo
		}
		return
	case "and", "&&":
		replacement = &ast.ConditionalNode{Cond: n.Left, Exp1: n.Right, Exp2: &ast.BoolNode{Value: false}}
	case "or", "||":
		replacement = &ast.ConditionalNode{Cond: n.Left, Exp1: &ast.BoolNode{Value: true}, Exp2: n.Right}
	default:
		return
	}
	v.condition(n.Left)
	if n.Right.Type().Kind() != reflect.Bool {
		v.passes = n.Operator
		ast.Patch(node, replacement)
	}
}

// condition records an error when a condition is a number.
func (v *numbers) condition(n ast.Node) {
	if isNumber(n) {
		v.err = errCondition
	}
}

// result returns an error when the formula certainly gives no number. It is called after the last visit.
func (v *numbers) result() error {
	switch kind := v.root.Type().Kind(); {
	case kind == reflect.Bool:
		return errBoolean
	case isNumber(v.root), kind == reflect.Interface && !v.root.Nature().Nil:
		return nil
	default:
		return errList
	}
}

func isNumber(n ast.Node) bool {
	kind := n.Type().Kind()
	return kind == reflect.Int || kind == reflect.Float64
}

// guard inserts a check of the arguments of a function. Arguments that are certainly no numbers are left to expr-lang.
func guard(n *ast.BuiltinNode) {
	switch n.Name {
	case "int":
		if len(n.Arguments) == 1 && mayBe(n.Arguments, reflect.Int, reflect.Float64, reflect.Interface) {
			n.Arguments = checked(finiteArgument, n.Arguments, n.Location())
		}
	case "min", "max", "mean", "median":
		if len(n.Arguments) > 0 && mayBe(n.Arguments, reflect.Int, reflect.Float64, reflect.Interface, reflect.Slice) {
			n.Arguments = checked(numberArguments, n.Arguments, n.Location())
		}
	}
}

// mayBe reports whether all arguments are of these kinds. An argument of unknown type has the kind reflect.Interface.
func mayBe(arguments []ast.Node, kinds ...reflect.Kind) bool {
	return !slices.ContainsFunc(arguments, func(a ast.Node) bool { return !slices.Contains(kinds, a.Type().Kind()) })
}

// checked returns a call with these arguments of the function that checks them.
func checked(name string, arguments []ast.Node, at file.Location) []ast.Node {
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: arguments}
	call.SetLocation(at)
	return []ast.Node{call}
}
