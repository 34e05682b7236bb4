package metricsapi

import (
	"math"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestLocation(t *testing.T) {
	t.Run("a path of GJSON leads to a number", testPathOfGJSONLeadsToNumber)
	t.Run("a path that leads nowhere is unknown, not 0", testPathThatLeadsNowhereIsUnknown)
	t.Run("a path that makes its own number is refused", testPathThatMakesItsOwnNumberIsRefused)
	t.Run("a selector selects one series", testSelectorSelectsOneSeries)
	t.Run("a selector that is not one is refused", testSelectorThatIsNotOneIsRefused)
	t.Run("names lead to a number in YAML", testNamesLeadToNumberInYAML)
	t.Run("names lead to a number in XML", testNamesLeadToNumberInXML)
	t.Run("large answers are bounded", testLargeAnswersAreBounded)
}

// located returns the number in an answer.
func located(tb testing.TB, format, location, answer string) (scalers.Milli, error) {
	tb.Helper()
	find, problem := newFinder(format, location)
	if problem != "" {
		tb.Fatalf("%s: valueLocation %s", location, problem)
	}
	return find(strings.NewReader(answer))
}

// mustBe checks where locations lead in an answer, or the reasons why they lead nowhere.
func mustBe(t *testing.T, format, answer string, levels map[string]scalers.Milli, reasons map[string]string) {
	t.Helper()
	for location, want := range levels {
		if got, err := located(t, format, location, answer); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", location, got, err, want)
		}
	}
	for location, want := range reasons {
		if got, err := located(t, format, location, answer); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %s, %v, want an error with %q", location, got, err, want)
		}
	}
}

const answerJSON = `{
	"components": [{"id": "82328e93e", "tasks": 32, "str": "64", "k": "1k", "milli": "100m", "ki": "1Ki", "wrong": "many"}],
	"count": 2.43, "tiny": 0.0001, "big": 9007199254740993, "huge": 1e300, "long": 0.10000000000000000555111512312578270211815834045410156250000000000000001,
	"jobs": [{"state": "new", "n": 3}, {"state": "done", "n": 1}, {"state": "new", "n": 4}], "none": [], "empty": {},
	"queues": {"mail": {"length": 7}, "push": {"length": 1}}, "a.b": 5, "text": "{\"n\": 9}", "cut": "{\"n\": 9", "@type": 3, "null": null
}`

func testPathOfGJSONLeadsToNumber(t *testing.T) {
	mustBe(t, formatJSON, answerJSON, map[string]scalers.Milli{
		"count": 2430, "components.0.tasks": 32_000, "components.0.str": 64_000, "components.0.k": 1_000_000,
		"components.0.milli": 100, "components.0.ki": 1_024_000, "tiny": 1, "big": 9007199254740993000, "huge": math.MaxInt64, "long": 100,
		"jobs.#": 3000, "none.#": 0, `jobs.#(state=="new").n`: 3000, `jobs.#(state=="new")#|#`: 2000, `jobs.#(state=="old")#|#`: 0,
		`jobs.#(n>1)#|1.n`: 4000, "jobs.#.n|2": 4000, "queues.@keys.#": 2000, "queues.@values.0.length": 7000, "empty.@keys.#": 0,
		"jobs.@reverse.0.n": 4000, "@this.count": 2430, "count.@this": 2430, "cou*": 2430, `a\.b`: 5000, "text.@fromstr.n": 9000,
		"@type": 3000, "queues|mail|length": 7000, `jobs.@flatten:{"deep":true}.#`: 3000, "@valid.count": 2430,
	}, nil)
	mustBe(t, formatJSON, " 42 ", map[string]scalers.Milli{"@this": 42_000}, map[string]string{"a": "nothing"})
	mustBe(t, formatJSON, "\ufeff[1,2]", map[string]scalers.Milli{"#": 2000, "1": 2000}, nil)
	mustBe(t, formatJSON, "{\"n\": 1}\n\n{\"n\": 2}\n", map[string]scalers.Milli{"..#": 2000, "..1.n": 2000}, map[string]string{"n": "not JSON"})
}

func testPathThatLeadsNowhereIsUnknown(t *testing.T) {
	reasons := map[string]string{
		"components.0.wrong": "not a number", "components.1.tasks": "nothing", "null": "null", "cut.@fromstr.n": "not JSON in the text of @fromstr",
		"count.@fromstr": "nothing", "null.@keys.#": "@keys is not applied to an object", "jobs.@values.#": "@values is not applied to an object",
		"none.@keys.#": "@keys is not applied to an object", ".@keys.#": "@keys is not applied", "jobs.#.n": "has parts", "queues.#": "nothing",
	}
	for _, rest := range []string{
		"", ".#", "|#", ".#.n", ".0", ".@keys.#", ".@values.#", "|@values|#", ".@this", ".@this.#", ".@flatten.#", ".@reverse.#", ".@ugly.#", ".@valid.#",
		".@reverse.@values.#", ".@this.@keys.#", `.#(n>1)#|#`, `.#(n>1)#.#`, ".@fromstr.#", ".*", ".*.#",
	} {
		reasons["missing"+rest] = ""
		reasons["empty.missing"+rest] = ""
		reasons["null"+rest] = ""
	}
	mustBe(t, formatJSON, answerJSON, nil, reasons)
}

func testPathThatMakesItsOwnNumberIsRefused(t *testing.T) {
	for path, want := range map[string]string{
		"!5": "literal", "missing.[a,b].#": "joins", "{a,b}.a": "joins", "[a].0": "joins", "a|[b].0": "joins", "@dig:n|0": "@dig", "a.@pretty": "@pretty",
		"a.@tostr": "@tostr", "a.@group.#": "@group", "a.@join.@keys.#": "@join", "a.#(b.@keys.#>1)#|#": "in a query", "a.#([b,c].0>1).n": "joins",
		"a.@reverse:x": "argument", "a.#(b==1": "does not end", strings.Repeat("a", maxPathBytes+1): "longer than",
	} {
		if _, problem := newFinder(formatJSON, path); !strings.Contains(problem, want) {
			t.Errorf("%.40s: got the problem %q, want one with %q", path, problem, want)
		}
	}
	for _, path := range []string{`a.#(b=="[x].@dig:y").n`, `a.#(b!="(").n`, "a.#[b==1].n", "user@host", "a.@other", `a\.[b`, "a.#(!%\"*x*\")#|#"} {
		if _, problem := newFinder(formatJSON, path); problem != "" {
			t.Errorf("%s: got the problem %q, want none", path, problem)
		}
	}
}

const answerPrometheus = `# HELP queue_size Total number of items
	# TYPE queue_size gauge
	queue_size{name="zero"} 0
	queue_size{name="one"} 1 1700000000000
	queue_size{name="two",instance="a"} 2
	queue_size{name="two",instance="zero",path="C:\\DIR \"x\""} 20
queue_size_total 99
not a line
# TYPE requests counter
requests 10.5
# TYPE seconds histogram
seconds_bucket{le="+Inf"} 3
seconds_sum 7
seconds_count 3
bad NaN
infinite +Inf
negative -1
large 1.7e308
{"my.metric",name="x"} 5
twice 1
twice 2`

func testSelectorSelectsOneSeries(t *testing.T) {
	levels := map[string]scalers.Milli{
		"requests": 10_500, `queue_size{name="one"}`: 1000, `queue_size{name="zero"}`: 0, ` queue_size { instance = "zero" , name="two", } `: 20_000,
		`queue_size{name=~"t.*",instance!="zero"}`: 2000, `{__name__="requests"}`: 10_500,
		`queue_size{name="two",path="C:\\DIR \"x\""}`: 20_000, "queue_size{path=`C:\\DIR \"x\"`}": 20_000, `queue_size{path='C:\\DIR "x"'}`: 20_000,
		`{"my.metric"}`: 5000, `{"my.metric", "name"="x"}`: 5000, "seconds_count": 3000, `seconds_bucket{le="+Inf"}`: 3000, "large": math.MaxInt64,
		`queue_size{name!~"two|zero"}`: 1000,
	}
	mustBe(t, formatPrometheus, answerPrometheus, levels, map[string]string{
		"queue": "no series", "queue_size": "selects 4 series", `queue_size{name="two"}`: "selects 2 series", `queue_size{name="three"}`: "no series",
		"bad": "NaN or infinite", "infinite": "NaN or infinite", "negative": "is negative", "twice": "selects 2 series", "seconds": "no series", "not": "not in Prometheus's text format",
		`queue_size{name=~"t"}`: "no series",
	})
	mustBe(t, formatPrometheus, "a 1\r\nb 2\r\n", map[string]scalers.Milli{"a": 1000, "b": 2000}, nil)
	mustBe(t, formatPrometheus, "", nil, map[string]string{"a": "no series"})
	mustBe(t, formatPrometheus, "<html>", nil, map[string]string{"a": "no series"})
}

func testSelectorThatIsNotOneIsRefused(t *testing.T) {
	for selector, want := range map[string]string{
		"{}": "name of one metric", `{name="x"}`: "name of one metric", `a{__name__="b"}`: "name of one metric", `{__name__=~"a"}`: "exact name", "a{b=c}": "a value in quotes",
		"a{b}": "expected =", "a{": "expected a label", `a{b="c"`: "a comma", `a{b="c" d="e"}`: "a comma", "a[5m]": "expected a metric", "sum(a)": "expected a metric",
		`a{b=~"("}`: "regular expression", "1a": "expected a metric", `a{b="c}`: "in quotes", `a{,}`: "a label", "queue.size": "expected a metric", `a{"b"=`: "in quotes",
	} {
		if _, problem := newFinder(formatPrometheus, selector); !strings.Contains(problem, want) {
			t.Errorf("%s: got the problem %q, want one with %q", selector, problem, want)
		}
	}
}

const answerYAML = `
components: [{id: 82328e93e, tasks: 32, str: '64', k: 1k, wrong: many}]
count: 2.43
hex: 0x10
big: 18446744073709551615
common: &common {waiting: 3}
merged: {<<: *common, other: 1}
alias: *common
1: {2: 12}
bad: .nan
infinite: -.inf
yes: true
nothing: ~
day: 2026-01-01
negative: -1
`

func testNamesLeadToNumberInYAML(t *testing.T) {
	mustBe(t, formatYAML, answerYAML, map[string]scalers.Milli{
		"count": 2430, "components.0.tasks": 32_000, "components.0.str": 64_000, "components.0.k": 1_000_000, "hex": 16_000, "big": math.MaxInt64,
		"merged.waiting": 3000, "alias.waiting": 3000, "1.2": 12_000,
	}, map[string]string{
		"components.0.wrong": "not a number", "components.1.tasks": "nothing", "components.-1.tasks": "nothing", "components": "has parts", "missing": "nothing",
		"count.more": "nothing", "bad": "NaN or infinite", "infinite": "NaN or infinite", "yes": "boolean", "nothing": "null", "day": "not a number", "negative": "is negative",
	})
	mustBe(t, formatYAML, "a: [1", nil, map[string]string{"a.0": "not YAML"})
	mustBe(t, formatYAML, "a: 1\na: 2\n", nil, map[string]string{"a": "not YAML"})
	mustBe(t, formatYAML, "# nothing\n", nil, map[string]string{"a": "nothing"})
	if _, problem := newFinder(formatYAML, "a..b"); problem == "" {
		t.Error("a..b: got no problem, want one")
	}
}

const answerXML = `<?xml version="1.0"?>
<!-- statistics -->
<s:stats xmlns:s="urn:x" at="7">
	<queue name="mail"><waiting> 12 </waiting></queue>
	<queue name="push"><waiting>2.5k</waiting></queue>
	<one><n>1</n></one><text>many</text><empty/><mixed>5<n>6</n></mixed><cdata><![CDATA[8]]></cdata>
</s:stats>`

func testNamesLeadToNumberInXML(t *testing.T) {
	mustBe(t, formatXML, answerXML, map[string]scalers.Milli{
		"stats.queue.0.waiting": 12_000, "stats.queue.1.waiting": 2_500_000, "stats.one.n": 1000, "stats.one.0.n.0": 1000, "stats.mixed.n": 6000, "stats.cdata": 8000,
	}, map[string]string{
		"stats.queue.waiting": "has 2 elements", "stats.queue": "has 2 elements", "stats.queue.2.waiting": "nothing", "stats.text": "not a number", "stats.empty": "not a number",
		"stats.mixed": "has parts", "stats": "has parts", "stats.at": "nothing", "queue": "nothing", "stats.one.n.more": "nothing",
	})
	for answer, want := range map[string]string{
		"<a>1": "not XML", "{}": "has no element", "<a>1</b>": "not XML", "<a>&x;</a>": "not XML", "<a/><a/>": "has 2 elements",
		strings.Repeat("<a>", maxElementDepth+1): "nested more than",
	} {
		mustBe(t, formatXML, answer, nil, map[string]string{"a": want})
	}
}

func testLargeAnswersAreBounded(t *testing.T) {
	fill := func(line string, n int) string { return strings.Repeat(line, n/len(line)+1) }
	for _, c := range []struct{ format, answer, reason string }{
		{formatJSON, "[" + fill("1,", maxJSONBytes) + "1]", "larger than 1024 KiB"},
		{formatYAML, fill("a: 1 # x\n", maxTreeBytes), "larger than 256 KiB"},
		{formatXML, "<a>" + fill("<b/>", maxTreeBytes) + "</a>", "larger than 256 KiB"},
		{formatPrometheus, fill("other 1\n", maxExpositionBytes), "larger than 16 MiB"},
		{formatPrometheus, fill(`a{b="c"} 1`+"\n", maxMetricBytes), "more than 256 KiB of this metric"},
		{formatPrometheus, "# " + strings.Repeat("x", maxLineBytes), "a line of more than 64 KiB"},
		{formatJSON, strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "nested more than"},
	} {
		if got, err := located(t, c.format, "a", c.answer); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: got %s, %v, want an error with %q", c.format, got, err, c.reason)
		}
	}
	if got, err := located(t, formatPrometheus, "a", fill("other 1\n", maxExpositionBytes/2)+"a 5\n"); err != nil || got != 5000 {
		t.Errorf("a number after 8 MiB: got %s, %v, want 5", got, err)
	}
}
