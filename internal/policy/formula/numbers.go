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

// Errors of a formula that can never give a number.
var (
	errModulo    = errors.New("% takes whole numbers, and a level is none: write int(a) % 2")
	errCondition = errors.New("has a number where a condition was expected: compare it, as in (a > 0 ? 1 : 2)")
	errBoolean   = errors.New("gives true or false and no number: say which numbers, as in (a > 5 ? 1 : 0)")
	errList      = errors.New("gives no number: make one of a list with sum, max or mean")
	errPerPod    = errors.New("measures single pods and is no part of a formula: it stands beside the formula, and the higher count wins")
)

// Errors of arguments that expr-lang would turn into some number.
var (
	errWhole   = errors.New("int() takes no number that is infinite, NaN or above 2^63")
	errNaN     = errors.New("min, max, mean and median take no NaN, such as 0 / 0")
	errNothing = errors.New("min, max, mean and median of nothing are unknown: say what then, as in (len(x) > 0 ? mean(x) : 0)")
)

// The functions that check the arguments of others. No user can write these names.
const (
	finiteArgument  = "finite argument"
	numberArguments = "number arguments"
)

// guards makes those functions known to expr-lang.
func guards() []expr.Option {
	return []expr.Option{expr.Function(finiteArgument, finite), expr.Function(numberArguments, someNumbers)}
}

// finite returns its argument, unless no whole number stands for it: what int() makes of such a one depends on the processor.
func finite(args ...any) (any, error) {
	if f, ok := args[0].(float64); ok && (math.IsNaN(f) || math.Abs(f) >= 1<<63) {
		return nil, errWhole
	}
	return args[0], nil
}

// someNumbers returns its arguments as a list, unless there is nothing in them, of which expr-lang takes the mean for 0, or a
// NaN, beside which the order of the arguments would decide.
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

// countValues counts the values of a list and of the lists in it. A NaN is an error.
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

// numbers refuses what can never give a number, and checks the arguments of functions that would make a number of none. It
// visits from the leaves to the root; types are known.
type numbers struct {
	perPod []string
	root   ast.Node
	// passes is the operator that gives the number on its right side; "" for none.
	passes string
	err    error
}

// Visit looks at one node.
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

// binary looks at an operator. One of logic whose right side is no condition gives that side: it is written out, because
// expr-lang would take it for a condition.
func (v *numbers) binary(node *ast.Node, n *ast.BinaryNode) {
	var written *ast.ConditionalNode
	switch n.Operator {
	case "%":
		if n.Left.Type().Kind() != reflect.Int || n.Right.Type().Kind() != reflect.Int {
			v.err = errModulo
		}
		return
	case "and", "&&":
		written = &ast.ConditionalNode{Cond: n.Left, Exp1: n.Right, Exp2: &ast.BoolNode{Value: false}}
	case "or", "||":
		written = &ast.ConditionalNode{Cond: n.Left, Exp1: &ast.BoolNode{Value: true}, Exp2: n.Right}
	default:
		return
	}
	v.condition(n.Left)
	if n.Right.Type().Kind() != reflect.Bool {
		v.passes = n.Operator
		ast.Patch(node, written)
	}
}

// condition refuses a number in the place of a condition.
func (v *numbers) condition(n ast.Node) {
	if isNumber(n) {
		v.err = errCondition
	}
}

// answer refuses a formula that is known to give something else than a number. It is called when everything was visited.
func (v *numbers) answer() error {
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

// guard checks the arguments of a function before it gets them. It leaves those to expr-lang that are known to be no numbers.
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

// mayBe reports whether all arguments are of these kinds; reflect.Interface is one that is not known.
func mayBe(arguments []ast.Node, kinds ...reflect.Kind) bool {
	return !slices.ContainsFunc(arguments, func(a ast.Node) bool { return !slices.Contains(kinds, a.Type().Kind()) })
}

// checked is arguments behind a call of the function that checks them.
func checked(name string, arguments []ast.Node, at file.Location) []ast.Node {
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: arguments}
	call.SetLocation(at)
	return []ast.Node{call}
}
