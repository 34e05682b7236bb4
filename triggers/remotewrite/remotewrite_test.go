package remotewrite

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
}

// live is a server whose one series has a current sample whenever a trigger begins to listen.
type live struct {
	server

	down bool
}

func (l *live) ListenSamples(namespace, name string, receive func(triggers.Cause, []triggers.Series)) func() {
	stop := l.server.ListenSamples(namespace, name, receive)
	if !l.down {
		receive(triggers.Cause{At: time.Now()}, []triggers.Series{seriesOf("1", triggers.Sample{At: time.Now(), Value: 3})})
	}
	return stop
}

func testItConformsToContractOfTriggers(t *testing.T) {
	l := &live{}
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: map[string]string{"selector": "requests", "threshold": "5", "aggregation": "last"},
		Env:      triggers.Env{Samples: l},
		Break: func(testing.TB) {
			l.down = true
			l.write(seriesOf("1", triggers.Sample{At: time.Now().Add(time.Millisecond), Stale: true}))
		},
		Repair: func(testing.TB) {
			l.down = false
			l.write(seriesOf("1", triggers.Sample{At: time.Now().Add(2 * time.Millisecond), Value: 3}))
		},
	})
}

func TestLevel(t *testing.T) {
	for sentence, test := range map[string]func(*testing.T){
		"every aggregation has its value":                           testEveryAggregationHasItsValue,
		"a sum is a lower bound until the ttl has passed":           testSumIsLowerBoundUntilTTLHasPassed,
		"series that stop are unknown, then end":                    testSeriesThatStopAreUnknownThenEnd,
		"a stale marker ends its series, and all ended are unknown": testStaleMarkerEndsItsSeries,
		"NaN and infinite values are unknown":                       testNaNAndInfiniteValuesAreUnknown,
		"older and repeated samples have no effect":                 testOlderAndRepeatedSamplesHaveNoEffect,
		"replicas of a Prometheus count once":                       testReplicasOfPrometheusCountOnce,
		"a sample from another time is unknown":                     testSampleFromAnotherTimeIsUnknown,
		"a native histogram is unknown":                             testNativeHistogramIsUnknown,
		"more series than the limit are unknown":                    testMoreSeriesThanLimitAreUnknown,
		"a level that did not change is not emitted":                testLevelThatDidNotChangeIsNotEmitted,
		"with Value each sample is a reading of its own":            testEachSampleIsReadingWithValue,
		"other series have no effect":                               testOtherSeriesHaveNoEffect,
		"a rate needs two samples, and survives resets":             testRateNeedsTwoSamplesAndSurvivesResets,
		"a rate covers the window, and keeps few samples":           testRateCoversWindowAndKeepsFewSamples,
		"a rate begins anew after a gap":                            testRateBeginsAnewAfterGap,
		"a series that ended is not resurrected by an older sample": testSeriesThatEndedIsNotResurrected,
	} {
		t.Run(sentence, func(t *testing.T) { synctest.Test(t, test) })
	}
}

// passStart passes the ttl after the start, in which other series may exist.
func (e *env) passStart() { e.pass(2 * time.Minute) }

func testEveryAggregationHasItsValue(t *testing.T) {
	for aggregation, want := range map[string]string{"sum": "9", "avg": "3", "max": "6", "min": "1", "count": "3", "last": "2"} {
		e := begin(t, map[string]string{"aggregation": aggregation})
		e.passStart()
		e.scrape("1", 1)
		e.scrape("2", 6)
		e.pass(time.Second)
		e.scrape("3", 2)
		if e.expect(want); t.Failed() {
			t.Fatal(aggregation)
		}
	}
}

func testSumIsLowerBoundUntilTTLHasPassed(t *testing.T) {
	e, average := begin(t, nil), begin(t, map[string]string{"aggregation": "avg"})
	e.expect("no sample of the selected series has arrived yet, or not for twice the ttl")
	e.pass(30 * time.Second)
	e.scrape("1", 5)
	average.scrape("1", 5)
	e.expect("at least 5")
	average.expect("other series may not have been written yet: the trigger has received samples for less than 2m0s, the ttl")
	e.pass(90 * time.Second)
	e.expect("5")
	average.expect("5")
}

func testSeriesThatStopAreUnknownThenEnd(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	e.scrape("1", 5)
	e.scrape("2", 3)
	e.expect("8")
	for range 3 {
		e.pass(30 * time.Second)
		e.scrape("1", 6)
	}
	e.expect("9")
	e.pass(30 * time.Second)
	e.expect("at least 6")
	for range 4 {
		e.scrape("1", 6)
		e.pass(30 * time.Second)
	}
	e.expect("6")
	e.pass(90 * time.Second)
	e.expect("no sample has arrived for 2m0s, the ttl")
	e.pass(10 * time.Minute)
	e.expect("no sample of the selected series has arrived yet, or not for twice the ttl")
}

func testStaleMarkerEndsItsSeries(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	e.scrape("1", 5)
	e.scrape("2", 3)
	e.pass(time.Second)
	e.end("1")
	e.expect("3")
	e.end("2")
	e.expect("all selected series have ended")
	e.pass(time.Second)
	e.scrape("2", 4)
	e.expect("4")
}

func testSeriesThatEndedIsNotResurrected(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	e.scrape("1", 5)
	e.scrape("2", 3)
	e.pass(2 * time.Second)
	e.end("1")
	e.at(time.Now().Add(-time.Second), "1", 7)
	e.expect("3")
}

func testNaNAndInfiniteValuesAreUnknown(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	e.scrape("1", 5)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		e.pass(time.Second)
		e.scrape("2", v)
		e.expect(fmt.Sprint("the value of a selected series is ", v))
	}
	e.pass(time.Second)
	e.scrape("2", 1)
	e.expect("6")
	e.pass(time.Second)
	e.scrape("2", -7)
	e.expect("the sum is negative: -2")
}

func testOlderAndRepeatedSamplesHaveNoEffect(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	e.scrape("1", 5)
	e.at(time.Now().Add(-time.Second), "1", 50)
	e.scrape("1", 500)
	e.expect("5")
}

func testReplicasOfPrometheusCountOnce(t *testing.T) {
	one, two := triggers.Label{Name: "prometheus_replica", Value: "1"}, triggers.Label{Name: "prometheus_replica", Value: "2"}
	e := begin(t, nil)
	e.passStart()
	for i := range 4 {
		e.scrape("1", float64(i), one)
		e.pass(5 * time.Second)
		e.scrape("1", float64(i)+100, two)
		e.end("1", two)
		e.expect(strconv.Itoa(i))
		e.pass(5 * time.Second)
	}
	// The first one stops.
	for range 3 {
		e.scrape("1", 200, two)
		e.pass(15 * time.Second)
	}
	e.expect("200")
	e.scrape("1", 5, one)
	e.expect("200")
}

func testSampleFromAnotherTimeIsUnknown(t *testing.T) {
	e := begin(t, nil)
	e.at(time.Now().Add(-time.Hour), "1", 5)
	e.expect("the last sample is from 1h0m0s ago")
	e.at(time.Now().Add(time.Hour), "1", 5)
	e.expect("the last sample is from a time in 1h0m0s: is the clock of its server right?")
	e.passStart()
	e.scrape("1", 6)
	e.expect("6")
}

func testNativeHistogramIsUnknown(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	s := seriesOf("1", triggers.Sample{})
	s.Samples, s.Histograms = nil, 1
	e.write(s)
	e.expect("a selected series is a native histogram, which has no single value: select a series of numbers")
	e.pass(time.Second)
	e.scrape("1", 3)
	e.expect("3")
}

func testMoreSeriesThanLimitAreUnknown(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	all := make([]triggers.Series, maxSeries+1)
	for i := range all {
		all[i] = seriesOf(strconv.Itoa(i), triggers.Sample{At: time.Now(), Value: 1})
	}
	e.write(all[:maxSeries]...)
	e.expect("10000")
	e.write(all...)
	e.expect("the selector matches more than 10000 series")
	if n := e.events; n != 3 {
		t.Errorf("%d events were emitted; want 3", n)
	}
}

func testLevelThatDidNotChangeIsNotEmitted(t *testing.T) {
	e := begin(t, nil)
	e.passStart()
	e.scrape("1", 5)
	before := e.events
	for range 1000 {
		e.pass(time.Second)
		e.scrape("1", 5)
	}
	if e.events != before {
		t.Errorf("%d events; want %d", e.events, before)
	}
}

func testEachSampleIsReadingWithValue(t *testing.T) {
	e := beginAs(t, scalers.Value, nil)
	e.passStart()
	e.scrape("1", 5)
	before := e.events
	for range 3 {
		e.pass(time.Second)
		e.scrape("1", 5)
	}
	if e.events != before+3 {
		t.Errorf("%d events; want %d", e.events, before+3)
	}
}

func testOtherSeriesHaveNoEffect(t *testing.T) {
	e := begin(t, map[string]string{"selector": `{__name__="requests", job=~"a|b", code!="500", instance!~"x.*"}`})
	e.passStart()
	e.scrape("1", 5)
	e.scrape("x2", 7)
	e.scrape("1", 9, triggers.Label{Name: "code", Value: "500"})
	e.expect("5")
}

func testRateNeedsTwoSamplesAndSurvivesResets(t *testing.T) {
	e := begin(t, map[string]string{"aggregation": "rate"})
	e.passStart()
	e.scrape("1", 1000)
	e.expect("a rate needs two samples: there is one so far")
	e.pass(10 * time.Second)
	e.scrape("1", 1100)
	e.expect("10")
	e.scrape("2", 7)
	e.expect("at least 10")
	e.pass(10 * time.Second)
	e.scrape("2", 27)
	e.scrape("1", 50) // It was reset: 150 in 20 s.
	e.expect("9.5")
}

func testRateCoversWindowAndKeepsFewSamples(t *testing.T) {
	e := begin(t, map[string]string{"aggregation": "rate", "window": "30s"})
	total := 0.0
	for i := range 3000 {
		e.scrape("1", total)
		if total += 1; i > 2500 {
			total++ // Twice as fast for the last 50 s.
		}
		e.pass(100 * time.Millisecond)
	}
	e.expect("20")
	s := newSamples(Config{Aggregation: rate, Window: 30 * time.Second, TTL: time.Minute})
	began := time.Now()
	for i := range 3000 {
		at := began.Add(time.Duration(i) * 100 * time.Millisecond)
		written := seriesOf("1", triggers.Sample{At: at, Value: float64(i)})
		s.apply(&written, at)
	}
	for _, one := range s.series {
		if n := len(one.points); n > maxPoints+3 {
			t.Errorf("%d points are kept; want at most %d", n, maxPoints+3)
		}
	}
}

func testRateBeginsAnewAfterGap(t *testing.T) {
	e := begin(t, map[string]string{"aggregation": "rate"})
	e.passStart()
	e.scrape("1", 1000)
	e.pass(10 * time.Second)
	e.scrape("1", 1100)
	e.pass(3 * time.Minute)
	e.scrape("1", 9000)
	e.expect("a rate needs two samples: there is one so far")
}

func TestSelector(t *testing.T) {
	t.Run("an invalid selector is refused with the reason", testInvalidSelectorIsRefused)
}

func testInvalidSelectorIsRefused(t *testing.T) {
	for selector, want := range map[string]string{
		`{}`:                         "selects every series",
		`{job=~".*"}`:                "selects every series",
		`requests{`:                  "",
		`requests{job="a"`:           "",
		`requests{job="a"} by`:       "",
		`sum(requests)`:              "not a name and matchers",
		`requests{job=~"("}`:         "",
		`requests{__name__="other"}`: "requires two names",
		`requests[1m]`:               "not a name and matchers",
		`requests{__replica__="a"}`:  `"__replica__" is in the selector`,
	} {
		_, err := Kind().Decode(map[string]string{"selector": selector, "threshold": "1"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want an error with %q", selector, err, want)
		}
	}
}
