package rabbitmq

import (
	"errors"
	"math"
	"math/big"
	"strconv"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// answer is one reading. It is shared by triggers with different modes and must not be changed.
type answer struct {
	// where names the queue and the server in reasons.
	where  string
	queues []queue
	// several is true if the queues were selected by a regular expression.
	several bool
	// unconfirmed is the reason why the level may be higher than the numbers say; nil if there is none.
	unconfirmed error
}

// queue is one queue. A number that the server did not report is nil.
type queue struct {
	name string
	// total and ready are numbers of messages. Over AMQP, both are the ready ones.
	total, ready *int64
	// consumers is the number of consumers, over AMQP.
	consumers int64
	// stats is true if the server has counted events of the queue, such as messages that were published.
	stats bool
	// published and delivered are messages per second.
	published, delivered *float64
}

// amount is a number that is aggregated over the queues. If unknown is not nil, the number is not known, but it is at least value.
type amount struct {
	value   *big.Rat
	unknown error
}

var (
	errNoCount = errors.New("the server has not counted its messages yet: it does so some seconds after the queue was made or the server was started")
	errNoRate  = errors.New("the server has no rates for it: does it compute them (rates_mode)?")
	// errNoDelivery is the reason while a division by the rate of deliveries is impossible.
	errNoDelivery = errors.New("messages wait or are published, and none is being delivered, so the level has no upper bound")
)

// event returns the event of a trigger for a reading.
func (c Config) event(a answer) scalers.Event {
	messages := a.aggregate(c.Operation, func(q queue) *big.Rat {
		if c.ExcludeUnacknowledged {
			return count(q.ready)
		}
		return count(q.total)
	})
	published := func() amount { return a.aggregate(c.Operation, func(q queue) *big.Rat { return decimal(q.published) }) }
	delivered := func() amount { return a.aggregate(c.Operation, func(q queue) *big.Rat { return decimal(q.delivered) }) }
	var e scalers.Event
	switch c.mode() {
	case messageRate:
		e = c.byRate(published(), messages)
	case deliverGetRate:
		e = delivered().event()
	case publishedRatio:
		e = c.ratio(published(), delivered())
	case consumptionTime:
		e = c.time(messages, published(), delivered())
	default:
		e = messages.event()
	}
	if e.Err == nil && a.unconfirmed != nil {
		e.Err, e.AtLeast = a.unconfirmed, true
	}
	if e.Err != nil {
		e.Err = triggers.VaryingErrorf("%s: %w", a.where, e.Err)
	}
	return e
}

// byRate makes the trigger active also by the number of messages, as in KEDA: otherwise messages that are still in the queue of an idle
// workload would wait until another one is published.
func (c Config) byRate(published, messages amount) scalers.Event {
	e := published.event()
	if e.Err == nil && messages.unknown != nil {
		return scalers.Event{Value: e.Value, Err: messages.unknown, AtLeast: true}
	}
	if e.Err == nil && roundUp(messages.value) > c.ActivationValue {
		e.Activity = scalers.ActiveBySource
	}
	return e
}

// ratio returns the event for the quotient of the rates.
func (c Config) ratio(published, delivered amount) scalers.Event {
	switch {
	case published.unknown != nil:
		return scalers.Event{Err: published.unknown}
	case delivered.unknown != nil:
		return scalers.Event{Err: delivered.unknown}
	case published.value.Sign() == 0:
		return scalers.Event{}
	case delivered.value.Sign() == 0:
		return c.unbounded()
	}
	return scalers.Event{Value: roundUp(new(big.Rat).Quo(published.value, delivered.value))}
}

// time returns the event for the expected time until the queue is empty, in seconds, as KEDA estimates it.
func (c Config) time(messages, published, delivered amount) scalers.Event {
	switch {
	case messages.unknown != nil:
		return scalers.Event{Err: messages.unknown}
	case messages.value.Sign() == 0:
		return scalers.Event{}
	case published.unknown != nil:
		return scalers.Event{Err: published.unknown}
	case delivered.unknown != nil:
		return scalers.Event{Err: delivered.unknown}
	case delivered.value.Sign() == 0:
		return c.unbounded()
	}
	rest := new(big.Rat).Sub(published.value, delivered.value)
	rest.Add(rest, messages.value)
	return scalers.Event{Value: max(roundUp(rest.Quo(rest, delivered.value)), 0)}
}

// unbounded returns the event for a quotient by zero: it activates the trigger, and never lowers the count.
func (c Config) unbounded() scalers.Event {
	return scalers.Event{Value: max(c.Trigger().Target, c.ActivationValue+1), Err: errNoDelivery, AtLeast: true}
}

// aggregate returns the number of the only queue, or aggregates those of several. Without queues the number is 0.
func (a answer) aggregate(operation string, number func(queue) *big.Rat) amount {
	result := amount{value: new(big.Rat)}
	for _, q := range a.queues {
		n := number(q)
		switch {
		case n == nil:
			result.unknown = a.missing(q)
		case operation == maxOperation:
			if n.Cmp(result.value) > 0 {
				result.value = n
			}
		default:
			result.value.Add(result.value, n)
		}
	}
	if operation == avgOperation && len(a.queues) > 1 {
		result.value.Quo(result.value, new(big.Rat).SetInt64(int64(len(a.queues))))
	}
	return result
}

// missing returns the reason why a queue lacks a number.
func (a answer) missing(q queue) error {
	reason := errNoRate
	if q.total == nil || q.ready == nil {
		reason = errNoCount
	}
	if a.several {
		return triggers.VaryingErrorf("queue %.100q: %w", q.name, reason)
	}
	return reason
}

// event returns the event for a level.
func (a amount) event() scalers.Event {
	e := scalers.Event{Value: roundUp(a.value), Err: a.unknown}
	e.AtLeast = e.Err != nil && e.Value > 0
	return e
}

// count returns a number of messages; nil if it is unknown.
func count(n *int64) *big.Rat {
	if n == nil {
		return nil
	}
	return new(big.Rat).SetInt64(*n)
}

// decimal returns a rate as the decimal number that it is written as: 0.1 is exactly a tenth. It returns nil if the rate is unknown or not
// finite.
func decimal(rate *float64) *big.Rat {
	if rate == nil {
		return nil
	}
	exact, ok := new(big.Rat).SetString(strconv.FormatFloat(*rate, 'e', -1, 64))
	if !ok {
		return nil
	}
	return exact
}

// roundUp returns a number in thousandths. It rounds up and saturates.
func roundUp(exact *big.Rat) scalers.Milli {
	thousandths := new(big.Int).Mul(exact.Num(), big.NewInt(1000))
	quotient, rest := new(big.Int).DivMod(thousandths, exact.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	if !quotient.IsInt64() {
		return math.MaxInt64
	}
	return scalers.Milli(quotient.Int64())
}
