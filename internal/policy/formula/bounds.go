package formula

import (
	"errors"

	"github.com/expr-lang/expr/ast"
)

// maxDepth is how deep loops may nest.
const maxDepth = 2

// The errors of formulas that might take long.
var (
	errRange  = errors.New("has a range (..), which may take long: name the triggers instead")
	errNested = errors.New("has loops within loops within loops, which may take long")
	errText   = errors.New("has text or a pattern: only numbers are possible")
)

// bounds finds expressions that might take long. It visits a syntax tree from the leaves to the root.
type bounds struct{ err error }

// Visit checks one node.
func (b *bounds) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "..":
			b.err = errRange
		case "matches", "contains", "startsWith", "endsWith":
			b.err = errText
		}
	case *ast.PredicateNode:
		if depth(n) > maxDepth {
			b.err = errNested
		}
	case *ast.StringNode:
		b.err = errText
	}
}

// depth returns how deep the predicates of a node nest, itself included.
func depth(node ast.Node) int {
	d := &nesting{}
	d.walk(node, 0)
	return d.deepest
}

// nesting is a walk that finds the deepest predicate.
type nesting struct{ deepest int }

func (d *nesting) walk(node ast.Node, above int) {
	if p, ok := node.(*ast.PredicateNode); ok {
		above++
		d.deepest = max(d.deepest, above)
		node = p.Node
		d.walk(node, above)
		return
	}
	for _, child := range children(node) {
		d.walk(child, above)
	}
}

// children returns the direct children of a node.
func children(node ast.Node) []ast.Node {
	switch n := node.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.BuiltinNode:
		return n.Arguments
	case *ast.CallNode:
		return append([]ast.Node{n.Callee}, n.Arguments...)
	case *ast.ArrayNode:
		return n.Nodes
	case *ast.MapNode:
		return n.Pairs
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.SliceNode:
		return []ast.Node{n.Node, n.From, n.To}
	case *ast.SequenceNode:
		return n.Nodes
	case *ast.VariableDeclaratorNode:
		return []ast.Node{n.Value, n.Expr}
	default:
		return nil
	}
}
