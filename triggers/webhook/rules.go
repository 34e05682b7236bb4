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
	// maxItems bounds the levels that one message states.
	maxItems = 1000
	// maxKey bounds a key, in bytes.
	maxKey = 256
	// patience bounds all evaluations of one message. What a busy machine does not get done is worth a retry.
	patience = 5 * time.Second
)

// rules are the compiled expressions of a trigger; those that were not given are nil.
type rules struct{ each, match, value, key, while, at *expression }

// compile compiles every expression, and returns all mistakes.
func compile(c Config) (*rules, error) {
	r := &rules{}
	within := c.Each != ""
	var all []error
	for _, one := range []struct {
		to     **expression
		field  string
		text   string
		within bool
		kinds  []*cel.Type
	}{
		{&r.each, "each", c.Each, false, []*cel.Type{cel.ListType(cel.DynType)}},
		{&r.match, "match", c.Match, within, []*cel.Type{cel.BoolType}},
		{&r.value, "value", c.Value, within, []*cel.Type{cel.DoubleType, cel.IntType, cel.UintType}},
		{&r.key, "key", c.Key, within, []*cel.Type{cel.StringType}},
		{&r.while, "while", c.While, within, []*cel.Type{cel.BoolType}},
		{&r.at, "at", c.At, within, []*cel.Type{cel.TimestampType, cel.StringType, cel.IntType, cel.DoubleType, cel.UintType}},
	} {
		var err error
		if *one.to, err = compileExpression(one.field, one.text, one.within, one.kinds...); err != nil {
			all = append(all, err)
		}
	}
	return r, errors.Join(all...)
}

// levels are what a message states. None: it does not concern this trigger.
func (r *rules) levels(ctx context.Context, c Config, body any, m triggers.Message) ([]triggers.Level, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
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
		l, concerned, err := r.level(ctx, c, in.within(item))
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		if concerned {
			levels = append(levels, l)
		}
	}
	return levels, nil
}

// items is the list that a message holds.
func (r *rules) items(ctx context.Context, in input) ([]ref.Val, error) {
	v, err := r.each.eval(ctx, in)
	if err != nil {
		return nil, err
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("each: its answer is %s: a list was expected", v.Type().TypeName())
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

// level is the one level that a message, or an item of it, states; false when it does not concern this trigger.
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
		l.On = true // The sender says that there is nothing: that is a level, and it is known.
	}
	return l, err == nil, err
}

// boolean is true for an expression that was not given.
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
		return false, fmt.Errorf("%s: its answer is %s: true or false was expected", e.field, v.Type().TypeName())
	}
	return b, nil
}

// text is empty for an expression that was not given, and only then.
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
		return "", fmt.Errorf("%s: its answer is %s: text was expected (string(…) makes text of a number)", e.field, v.Type().TypeName())
	case s == "":
		return "", fmt.Errorf("%s: its answer is empty", e.field)
	case len(s) > maxKey:
		return "", fmt.Errorf("%s: its answer is longer than %d bytes", e.field, maxKey)
	}
	return s, nil
}

// number is 1 for an expression that was not given. It is finite and not below 0.
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
		return 0, fmt.Errorf("%s: its answer is %s: a number was expected (double(…) makes a number of text)", e.field, v.Type().TypeName())
	}
	if err == nil && n < 0 {
		err = fmt.Errorf("%s is below 0", n)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: its answer %w", e.field, err)
	}
	return n, nil
}

// firsts are the first values of headers or of a query.
func firsts(all map[string][]string, name func(string) string) map[string]string {
	first := make(map[string]string, len(all))
	for key, values := range all {
		if len(values) > 0 {
			first[name(key)] = values[0]
		}
	}
	return first
}
