package chaos

import (
	"strings"
	"testing"
)

func TestShortForm(t *testing.T) {
	t.Run("the default seeds break every part", testDefaultSeedsBreakEveryPart)
}

func testDefaultSeedsBreakEveryPart(t *testing.T) {
	want := map[string]bool{"leader kill": true, "leader kill on acceptance": true, "gossip cut": true, "endpoint unanswered": true, "api stall": true}
	for _, m := range faultKinds {
		part, _, _ := strings.Cut(m.kind, " ")
		want[part] = true
		if part == "tenant" {
			want[m.kind] = true
		}
	}
	for seed := range uint64(defaultSeeds) {
		p, err := newPlan(defaultFirst+seed, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.faults {
			part, _, _ := strings.Cut(f.kind, " ")
			delete(want, part)
			delete(want, f.kind)
		}
	}
	for what := range want {
		t.Errorf("in the short form no fault is %q", what)
	}
}
