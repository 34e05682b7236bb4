package triggertest

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// Fixture is a trigger whose source the test controls.
type Fixture struct {
	// Metadata is valid. While the source is not broken, its level is known.
	Metadata map[string]string
	// Secrets are the parameters of the trigger's authenticationRef. No error may contain one.
	Secrets map[string]string
	// Env has what the kind needs in particular, such as Alerts. The suite sets the fields that are zero.
	Env triggers.Env
	// Break makes the source fail until Repair is called. Both are nil for a kind that cannot fail, such as a schedule.
	Break, Repair func(t testing.TB)
}

// Conform runs the suite for a kind. Call it from a test in the folder of the kind, because it reads README.md there, and not beside
// parallel tests, because it compares goroutines.
func Conform(t *testing.T, kind triggers.Kind, f Fixture) {
	t.Helper()
	s := subject{kind: kind, fixture: f, timeout: 2 * time.Minute, readme: "README.md"}
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
	// timeout limits every wait. It is long, because only failures wait that long.
	timeout time.Duration
	readme  string
}

// check tests one rule of the contract. Its error describes how the kind violates the rule.
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
		{"survives invalid values", survivesInvalidValues},
		{"decodes and opens without I/O", opensWithoutIO},
		{"reports at once", reportsAtOnce},
		{"ends with its context and leaves no goroutine", endsCleanly},
		{"does not start when its context is done", doesNotStart},
		{"starts and stops without Run if it is passive", startsAndStops},
		{"reports that its source is down at the start, and recovers", failsAtStart},
		{"reports that its source went down, and recovers", failsLater},
		{"has a README whose example decodes", readmeIsRight},
	}
}
