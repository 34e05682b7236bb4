package builtin

import (
	"testing"
	"testing/synctest"
)

func TestEveryKindHasItsOwnName(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.Name] {
			t.Errorf("two kinds are called %s", k.Name)
		}
		seen[k.Name] = true
	}
	if len(seen) == 0 {
		t.Error("there is no kind")
	}
}

func TestKindsCanBeListedWithoutSideEffects(t *testing.T) {
	synctest.Test(t, func(*testing.T) { Kinds() }) // The bubble fails when a goroutine is left.
}
