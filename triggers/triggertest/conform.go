// Package triggertest is the suite that every trigger kind passes: what the contract in package triggers promises, tried
// on a real source.
package triggertest

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// Fixture is a trigger whose outside the test holds in its hands.
type Fixture struct {
	// Metadata decodes, and its source answers with a known level while it is not broken.
	Metadata map[string]string
	// Secrets are the parameters of its authenticationRef. No error may repeat one.
	Secrets map[string]string
	// Env holds what the kind needs beyond the usual, such as Alerts. The suite fills in what is zero.
	Env triggers.Env
	// Break makes the source fail until Repair. Both are nil for a kind that has no outside, such as a schedule.
	Break, Repair func(t testing.TB)
}

// Conform runs the suite. It is called in the folder of the kind, whose README.md it reads, and not beside parallel
// tests: it counts goroutines.
func Conform(t *testing.T, kind triggers.Kind, f Fixture) {
	t.Helper()
	s := subject{kind: kind, fixture: f, patience: time.Minute, readme: "README.md"}
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.try(t, s); err != nil {
				t.Error(err)
			}
		})
	}
}

// subject is a kind under test.
type subject struct {
	kind    triggers.Kind
	fixture Fixture
	// patience is how long anything may take; it is long, because only a failure waits for it.
	patience time.Duration
	readme   string
}

// check is one promise of the contract. It returns why it is not kept.
type check struct {
	name string
	try  func(t testing.TB, s subject) error
}

func checks() []check {
	return []check{
		{"describes itself", describesItself},
		{"decodes valid metadata", decodesValid},
		{"refuses unknown and misspelt keys with a suggestion", refusesKeys},
		{"reports every mistake at once", reportsAll},
		{"survives nonsense", survivesNonsense},
		{"decodes and opens without I/O", opensQuietly},
		{"reports at once", reportsAtOnce},
		{"ends with its context and leaves nothing", endsClean},
		{"does not begin when its context is done", neverBegins},
		{"says that its source is down at start, and recovers", downAtStart},
		{"says that its source went down, and recovers", downLater},
		{"has a README whose example decodes", readmeIsRight},
	}
}
