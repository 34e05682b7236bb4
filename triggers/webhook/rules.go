package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// maxItems limits the levels of one message.
	maxItems = 1000
	// maxKey limits a key, in bytes.
	maxKey = 256
	// evaluationTimeout limits all evaluations for one message. A message that exceeds it may be sent again.
	evaluationTimeout = 5 * time.Second
)

// rules are the compiled expressions of a trigger; those that are not set are nil.
type rules struct{ each, match, value, key, while, at *expression }

// compile compiles every expression, and returns all mistakes.
func compile(c Config) (*rules, error) {
	r := &rules{}
	withItem := c.Each != ""
	var all []error
	for _, one := range []struct {
		to       **expression
		field    string
		text     string
		withItem bool
		kinds    []*cel.Type
	}{
		{&r.each, "each", c.Each, false, []*cel.Type{cel.ListType(cel.DynType)}},
		{&r.match, "match", c.Match, withItem, []*cel.Type{cel.BoolType}},
		{&r.value, "value", c.Value, withItem, []*cel.Type{cel.DoubleType, cel.IntType, cel.UintType}},
		{&r.key, "key", c.Key, withItem, []*cel.Type{cel.StringType}},
		{&r.while, "while", c.While, withItem, []*cel.Type{cel.BoolType}},
		{&r.at, "at", c.At, withItem, []*cel.Type{cel.TimestampType, cel.StringType, cel.IntType, cel.DoubleType, cel.UintType}},
	} {
		var err error
		if *one.to, err = compileExpression(one.field, one.text, one.withItem, one.kinds...); err != nil {
			all = append(all, err)
		}
	}
	return r, errors.Join(all...)
}

// levels returns the levels of a message; none if it does not concern this trigger.
func (r *rules) levels(ctx context.Context, c Config, body any, m triggers.Message) ([]triggers.Level, error) {
	ctx, cancel := context.WithTimeout(ctx, evaluationTimeout)
	defer cancel()
	in := newInput(body, m)
	if r.each == nil {
		l, concerned, err := r.level(ctx, c, in)
		if err != nil || !concerned {
			return nil, err
		}
		return []triggers.Level{l}, nil
	}
	items, err := r.items(ctx, in)
	if err != nil {
		return nil, err
	}
	var levels []triggers.Level
	for i, item := range items {
		l, concerned, err := r.level(ctx, c, in.withItem(item))
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		if concerned {
			levels = append(levels, l)
		}
	}
	return levels, nil
}

// items returns the list that the expression each selects.
func (r *rules) items(ctx context.Context, in input) ([]ref.Val, error) {
	v, err := r.each.eval(ctx, in)
	if err != nil {
		return nil, err
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("each: its result is %s, expected a list", v.Type().TypeName())
	}
	var items []ref.Val
	for it := list.Iterator(); it.HasNext() == types.True; {
		if len(items) == maxItems {
			return nil, fmt.Errorf("each: the list is longer than %d", maxItems)
		}
		items = append(items, it.Next())
	}
	return items, nil
}

// level returns the level of a message or of an item in it; false if it does not concern this trigger.
func (r *rules) level(ctx context.Context, c Config, in input) (triggers.Level, bool, error) {
	l := triggers.Level{TTL: c.TTL}
	concerned, err := r.match.boolean(ctx, in)
	if err != nil || !concerned {
		return l, false, err
	}
	if l.On, err = r.while.boolean(ctx, in); err != nil {
		return l, false, err
	}
	if l.Key, err = r.key.text(ctx, in); err != nil {
		return l, false, err
	}
	if l.At, err = r.at.time(ctx, in); err != nil {
		return l, false, err
	}
	if l.On {
		l.Value, err = r.value.number(ctx, in)
	} else if c.Key == "" {
		l.On = true // A level of 0 is known, unlike one that has ended.
	}
	return l, err == nil, err
}

// boolean returns true for an expression that is not set.
func (e *expression) boolean(ctx context.Context, in input) (bool, error) {
	if e == nil {
		return true, nil
	}
	v, err := e.eval(ctx, in)
	if err != nil {
		return false, err
	}
	b, ok := v.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%s: its result is %s, expected true or false", e.field, v.Type().TypeName())
	}
	return b, nil
}

// text returns "" for an expression that is not set, and only then.
func (e *expression) text(ctx context.Context, in input) (string, error) {
	if e == nil {
		return "", nil
	}
	v, err := e.eval(ctx, in)
	if err != nil {
		return "", err
	}
	s, ok := v.Value().(string)
	switch {
	case !ok:
		return "", fmt.Errorf("%s: its result is %s, expected text (string(…) converts a number)", e.field, v.Type().TypeName())
	case s == "":
		return "", fmt.Errorf("%s: its result is empty", e.field)
	case len(s) > maxKey:
		return "", fmt.Errorf("%s: its result is longer than %d bytes", e.field, maxKey)
	}
	return s, nil
}

// number returns 1 for an expression that is not set. The result is finite and at least 0.
func (e *expression) number(ctx context.Context, in input) (scalers.Milli, error) {
	if e == nil {
		return 1000, nil
	}
	v, err := e.eval(ctx, in)
	if err != nil {
		return 0, err
	}
	var n scalers.Milli
	switch x := v.Value().(type) {
	case float64:
		n, err = scalers.FromFloat(x)
	case int64, uint64:
		n, err = scalers.ParseMilli(fmt.Sprint(x))
	default:
		return 0, fmt.Errorf("%s: its result is %s, expected a number (double(…) converts text)", e.field, v.Type().TypeName())
	}
	if err == nil && n < 0 {
		err = fmt.Errorf("%s is below 0", n)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: its result %w", e.field, err)
	}
	return n, nil
}

// firstValues returns the first value of each header or query parameter.
func firstValues(all map[string][]string, name func(string) string) map[string]string {
	first := make(map[string]string, len(all))
	for key, values := range all {
		if len(values) > 0 {
			first[name(key)] = values[0]
		}
	}
	return first
}
