package builtin

import (
	"testing"
	"testing/synctest"

	"github.com/impulse-sh/impulse/triggers"
)

func TestBuiltin(t *testing.T) {
	t.Run("every kind has its own name", testEveryKindHasItsOwnName)
	t.Run("kinds can be listed without side effects", testKindsCanBeListedWithoutSideEffects)
	t.Run("every kind that sends credentials names its servers", testEveryKindThatSendsCredentialsNamesItsServers)
}

func testEveryKindHasItsOwnName(t *testing.T) {
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

func testKindsCanBeListedWithoutSideEffects(t *testing.T) {
	synctest.Test(t, func(*testing.T) { Kinds() }) // The bubble fails when a goroutine is left.
}

func testEveryKindThatSendsCredentialsNamesItsServers(t *testing.T) {
	for _, k := range Kinds() {
		if len(k.Auth) == 0 || k.Name == "webhook" { // A webhook holds messages against its secret, and sends that nowhere.
			continue
		}
		config, err := k.Decode(k.Example)
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if _, ok := config.(triggers.Remote); !ok {
			t.Errorf("%s is not triggers.Remote: nothing would hold its servers against spec.allowedHosts", k.Name)
		}
	}
}
