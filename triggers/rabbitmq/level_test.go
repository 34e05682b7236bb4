package rabbitmq

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestLevel(t *testing.T) {
	t.Run("each mode has its formula", testEachModeHasItsFormula)
	t.Run("several queues are aggregated before the formula", testSeveralQueuesAreAggregatedBeforeFormula)
	t.Run("a missing number is unknown, and the others are a lower bound", testMissingNumberIsUnknown)
	t.Run("a number that is too large saturates", testNumberThatIsTooLargeSaturates)
}

// sample returns a queue. A negative number is unknown.
func sample(total, ready int64, published, delivered float64) queue {
	q := queue{name: "q", total: &total, ready: &ready, published: &published, delivered: &delivered}
	if total < 0 {
		q.total = nil
	}
	if ready < 0 {
		q.ready = nil
	}
	if published < 0 {
		q.published = nil
	}
	if delivered < 0 {
		q.delivered = nil
	}
	return q
}

func testEachModeHasItsFormula(t *testing.T) {
	for _, c := range []struct {
		mode       string
		activation scalers.Milli
		queue      queue
		want       string
	}{
		{queueLength, 0, sample(7, 5, 1, 1), "7"},
		{queueLength, 0, sample(0, 0, 9, 9), "0"},
		{messageRate, 0, sample(0, 0, 0.1, 9), "0.1"},
		{messageRate, 0, sample(0, 0, 0, 9), "0"},
		{messageRate, 0, sample(3, 0, 0, 0), "0, active"},
		{messageRate, 2000, sample(3, 0, 1.5, 0), "1.5, active"},
		{messageRate, 3000, sample(3, 0, 1.5, 0), "1.5"},
		{deliverGetRate, 0, sample(3, 0, 9, 12.25), "12.25"},
		{deliverGetRate, 0, sample(3, 0, 9, 0), "0"},
		{publishedRatio, 0, sample(3, 0, 1, 3), "0.334"},
		{publishedRatio, 0, sample(3, 0, 0, 3), "0"},
		{publishedRatio, 0, sample(3, 0, 0, 0), "0"},
		{publishedRatio, 0, sample(3, 0, 1, 0), "at least 20: where: " + errNoDelivery.Error()},
		{publishedRatio, 50_000, sample(3, 0, 1, 0), "at least 50.001: where: " + errNoDelivery.Error()},
		{consumptionTime, 0, sample(100, 0, 5, 10), "9.5"},
		{consumptionTime, 0, sample(1, 0, 0, 10), "0"},
		{consumptionTime, 0, sample(0, 0, 0, 0), "0"},
		{consumptionTime, 0, sample(0, 0, 5, 10), "0"},
		{consumptionTime, 0, sample(100, 0, 5, 0), "at least 20: where: " + errNoDelivery.Error()},
	} {
		config := Config{Mode: c.mode, Operation: sumOperation, ActivationValue: c.activation}
		if got := textOf(config.event(answer{where: "where", queues: []queue{c.queue}})); got != c.want {
			t.Errorf("%s of %v messages, rates %v and %v: got %s, want %s",
				c.mode, *c.queue.total, *c.queue.published, *c.queue.delivered, got, c.want)
		}
	}
	if got := textOf(Config{ExcludeUnacknowledged: true}.event(answer{queues: []queue{sample(7, 5, 1, 1)}})); got != "5" {
		t.Errorf("without unacknowledged messages: got %s, want 5", got)
	}
}

func testSeveralQueuesAreAggregatedBeforeFormula(t *testing.T) {
	three := answer{several: true, queues: []queue{sample(7, 5, 0.1, 1), sample(2, 2, 0.2, 0), sample(1, 0, 0, 3)}}
	for _, c := range []struct{ mode, operation, want string }{
		{queueLength, sumOperation, "10"},
		{queueLength, maxOperation, "7"},
		{queueLength, avgOperation, "3.334"},
		{messageRate, sumOperation, "0.3, active"},
		{messageRate, maxOperation, "0.2, active"},
		{messageRate, avgOperation, "0.1, active"},
		{publishedRatio, sumOperation, "0.075"},
		{publishedRatio, maxOperation, "0.067"},
	} {
		if got := textOf(Config{Mode: c.mode, Operation: c.operation}.event(three)); got != c.want {
			t.Errorf("%s, %s: got %s, want %s", c.mode, c.operation, got, c.want)
		}
	}
	for _, operation := range []string{sumOperation, maxOperation, avgOperation} {
		if got := textOf(Config{Operation: operation}.event(answer{several: true})); got != "0" {
			t.Errorf("%s of no queue: got %s, want 0", operation, got)
		}
	}
}

func testMissingNumberIsUnknown(t *testing.T) {
	for _, c := range []struct {
		config Config
		queues []queue
		want   string
	}{
		{Config{}, []queue{sample(-1, 5, 1, 1)}, "where: " + errNoCount.Error()},
		{Config{ExcludeUnacknowledged: true}, []queue{sample(5, -1, 1, 1)}, "where: " + errNoCount.Error()},
		{Config{}, []queue{sample(7, 5, -1, -1)}, "7"},
		{Config{Mode: deliverGetRate}, []queue{sample(-1, -1, -1, -1)}, "where: " + errNoCount.Error()},
		{Config{Mode: messageRate}, []queue{sample(7, 5, -1, 1)}, "where: " + errNoRate.Error()},
		{Config{Mode: messageRate}, []queue{sample(-1, 5, 2, 1)}, "at least 2: where: " + errNoCount.Error()},
		{Config{Mode: deliverGetRate}, []queue{sample(7, 5, 1, -1)}, "where: " + errNoRate.Error()},
		{Config{Mode: publishedRatio}, []queue{sample(7, 5, -1, 0)}, "where: " + errNoRate.Error()},
		{Config{Mode: publishedRatio}, []queue{sample(7, 5, 0, -1)}, "where: " + errNoRate.Error()},
		{Config{Mode: consumptionTime}, []queue{sample(-1, 5, 1, 1)}, "where: " + errNoCount.Error()},
		{Config{Mode: consumptionTime}, []queue{sample(7, 5, 1, -1)}, "where: " + errNoRate.Error()},
		{Config{Operation: sumOperation}, []queue{sample(7, 5, 1, 1), sample(-1, 5, 1, 1)}, "at least 7: where: queue \"q\": " + errNoCount.Error()},
		{Config{Operation: maxOperation}, []queue{sample(-1, 5, 1, 1), sample(7, 5, 1, 1)}, "at least 7: where: queue \"q\": " + errNoCount.Error()},
		{Config{Operation: avgOperation}, []queue{sample(7, 5, 1, 1), sample(-1, 5, 1, 1)}, "at least 3.5: where: queue \"q\": " + errNoCount.Error()},
	} {
		a := answer{where: "where", queues: c.queues, several: len(c.queues) > 1}
		if got := textOf(c.config.event(a)); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.config, got, c.want)
		}
	}
}

func testNumberThatIsTooLargeSaturates(t *testing.T) {
	large := answer{queues: []queue{sample(math.MaxInt64, 0, math.MaxFloat64, math.SmallestNonzeroFloat64), sample(math.MaxInt64, 0, 0, 0)}}
	for _, mode := range append(rates(), queueLength) {
		e := Config{Mode: mode, Operation: sumOperation}.event(large)
		if want := scalers.Milli(math.MaxInt64); e.Err != nil || e.Value != want && mode != deliverGetRate {
			t.Errorf("%s: got %s, %v, want %s", mode, e.Value, e.Err, want)
		}
	}
}

// FuzzLevel: an unknown number of one queue never makes the level known, and the lower bound is not above the level that it would have had.
func FuzzLevel(f *testing.F) {
	f.Add(uint8(0), uint8(0), int64(5), int64(3), 0.5, 1.5)
	f.Add(uint8(4), uint8(2), int64(0), int64(9), 0.0, 0.0)
	f.Fuzz(func(t *testing.T, mode, operation uint8, first, second int64, published, delivered float64) {
		if first < 0 || second < 0 || !(published >= 0 && delivered >= 0) || math.IsInf(published, 0) || math.IsInf(delivered, 0) {
			return
		}
		modes, operations := append(rates(), queueLength), []string{sumOperation, avgOperation, maxOperation}
		c := Config{Mode: modes[int(mode)%len(modes)], Operation: operations[int(operation)%len(operations)]}
		whole := answer{several: true, queues: []queue{sample(first, first, published, delivered), sample(second, second, delivered, published)}}
		all := c.event(whole)
		if all.Value < 0 || all.Err != nil && !all.AtLeast {
			t.Errorf("%+v: got %s", c, textOf(all))
		}
		for _, hide := range []func(*queue){
			func(q *queue) { q.total = nil }, func(q *queue) { q.published = nil }, func(q *queue) { q.delivered = nil },
		} {
			part := whole
			part.queues = slices.Clone(whole.queues)
			hide(&part.queues[0])
			e := c.event(part)
			needed := e.Err != nil
			if !needed && e.Value != all.Value || e.AtLeast && all.Err == nil && e.Value > all.Value && !strings.Contains(e.Err.Error(), errNoDelivery.Error()) {
				t.Errorf("%+v: got %s for a part, and %s for all", c, textOf(e), textOf(all))
			}
		}
		if exact := roundUp(new(big.Rat).SetInt64(first)); exact < scalers.Milli(first) {
			t.Errorf("%d was rounded to %s", first, exact)
		}
	})
}
