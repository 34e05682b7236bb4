package kubernetes

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestLevel(t *testing.T) {
	t.Parallel()
	t.Run("the series of an external metric are added", testSeriesOfExternalMetricAreAdded)
	t.Run("sums equal those of exact arithmetic", testSumsEqualThoseOfExactArithmetic)
	t.Run("an answer without a value is unknown", testAnswerWithoutValueIsUnknown)
	t.Run("a value is too old after a while", testValueIsTooOldAfterWhile)
	t.Run("an incomplete answer is unknown", testIncompleteAnswerIsUnknown)
	t.Run("an error of the API names a remedy", testErrorOfAPINamesRemedy)
}

func testAges() ages { return ages{interval: 30 * time.Second, now: func() time.Time { return clock }} }

func testSeriesOfExternalMetricAreAdded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		series []string
		want   scalers.Milli
	}{
		"one":             {[]string{"42"}, 42_000},
		"zero":            {[]string{"0", "0"}, 0},
		"three":           {[]string{"1500m", "2k", "1n"}, 2_001_501},
		"with a negative": {[]string{"-5", "10"}, 5000},
		"too many":        {[]string{"9e18", "9e18"}, math.MaxInt64},
	} {
		if got, err := testAges().sum(series(c.series...)); got != c.want || err != nil {
			t.Errorf("%s: got %d, %v, want %d", name, got, err, c.want)
		}
	}
}

func testSumsEqualThoseOfExactArithmetic(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		a, b := scalers.Milli(r.Uint64())>>r.IntN(64), scalers.Milli(r.Uint64())>>r.IntN(64)
		want := new(big.Int).Add(big.NewInt(int64(a)), big.NewInt(int64(b)))
		switch {
		case want.Cmp(big.NewInt(math.MaxInt64)) > 0:
			want.SetInt64(math.MaxInt64)
		case want.Cmp(big.NewInt(math.MinInt64)) < 0:
			want.SetInt64(math.MinInt64)
		}
		if got := plus(a, b); int64(got) != want.Int64() {
			t.Fatalf("%d + %d: got %d, want %s", a, b, got, want)
		}
	}
}

func testAnswerWithoutValueIsUnknown(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no list": `{}`, "no series": `{"items":[]}`, "a null": `{"items":[null]}`, "no value": `{"items":[{}]}`,
		"a null value": `{"items":[{"value":"1"},{"value":null}]}`,
	} {
		var list externalmetrics.ExternalMetricValueList
		if err := json.Unmarshal([]byte(answer), &list); err != nil {
			t.Fatal(err)
		}
		if got, err := testAges().sum(list.Items); err == nil {
			t.Errorf("%s: got %d, want an error", name, got)
		}
	}
}

func testValueIsTooOldAfterWhile(t *testing.T) {
	t.Parallel()
	hour, none, forever := int64(3600), int64(0), int64(math.MaxInt64)
	for name, c := range map[string]struct {
		age      time.Duration
		window   *int64
		interval time.Duration
		known    bool
	}{
		"of now":                   {0, nil, 0, true},
		"of the future":            {-time.Hour, nil, 0, true},
		"of ten minutes":           {10 * time.Minute, &none, 0, true},
		"older":                    {10*time.Minute + time.Second, nil, 30 * time.Second, false},
		"of three intervals":       {30 * time.Minute, nil, 10 * time.Minute, true},
		"older than intervals":     {31 * time.Minute, nil, 10 * time.Minute, false},
		"of three windows":         {3 * time.Hour, &hour, 0, true},
		"older than three windows": {3*time.Hour + 1, &hour, 0, false},
		"with an endless window":   {100 * time.Hour, &forever, 0, false},
	} {
		v := value("web", "1", c.age)
		a := testAges()
		a.interval = c.interval
		if got, err := a.value(v.Value, v.Timestamp, c.window); (err == nil) != c.known {
			t.Errorf("%s: got %d, %v, want known %t", name, got, err, c.known)
		}
	}
	v := value("web", "1", 0)
	v.Timestamp.Reset()
	if _, err := testAges().value(v.Value, v.Timestamp, nil); err != nil {
		t.Errorf("without a time: got %v, want the value", err)
	}
}

// The answers are in the form of sigs.k8s.io/custom-metrics-apiserver.
func testIncompleteAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	const external = `{"kind":"ExternalMetricValueList","apiVersion":"external.metrics.k8s.io/v1beta1","metadata":{},` +
		`"items":[{"metricName":"hits","metricLabels":{"a":"b"},"timestamp":"2026-01-01T11:59:59Z","window":60,"value":"42"}]}`
	triggertest.Incomplete(t, []byte(external), func(answer []byte) (scalers.Milli, error) {
		var list externalmetrics.ExternalMetricValueList
		if err := json.Unmarshal(answer, &list); err != nil {
			return 0, err
		}
		return testAges().sum(list.Items)
	})
	const custom = `{"kind":"MetricValueList","apiVersion":"custom.metrics.k8s.io/v1beta2","metadata":{},"items":[{"describedObject":{"kind":"Pod",` +
		`"namespace":"shop","name":"web-1","apiVersion":"/v1"},"metric":{"name":"hits","selector":null},"timestamp":"2026-01-01T11:59:59Z","value":"42"}]}`
	triggertest.Incomplete(t, []byte(custom), func(answer []byte) (scalers.Milli, error) {
		var list custommetrics.MetricValueList
		if err := json.Unmarshal(answer, &list); err != nil {
			return 0, err
		}
		all, err := samplesOf(list.Items)
		if err != nil {
			return 0, err
		}
		m := &podMeter{ages: testAges(), env: environment(nil, triggers.Pod{Name: "web-1"})}
		e := m.event(scalers.InstantOf(clock), all)
		if e.Err != nil {
			return 0, e.Err
		}
		return e.Pods[0].Usage, nil
	})
}

func testErrorOfAPINamesRemedy(t *testing.T) {
	t.Parallel()
	hits := schema.GroupResource{Group: customAPI, Resource: "services"}
	for want, err := range map[string]error{
		"no adapter serves custom.metrics.k8s.io": apierrors.NewNotFound(hits, "web"),
		"does not answer":                         apierrors.NewServiceUnavailable("no endpoints"),
		"deploy/manifests has":                    apierrors.NewForbidden(hits, "web", nil),
	} {
		if got := reason(t.Context(), customAPI, err); !strings.Contains(got.Error(), want) || !errors.Is(got, err) {
			t.Errorf("got %q, want it to contain %q and to wrap the error", got, want)
		}
	}
}
