package main

import "testing"

func TestKEDA(t *testing.T) {
	t.Run("KEDA's documented behaviour holds", testKEDAsDocumentedBehaviourHolds)
}

func testKEDAsDocumentedBehaviourHolds(t *testing.T) {
	t.Chdir("testdata/keda")
	if code, out, errs := impulse(t, "", "test", "keda.test.yaml"); code != 0 || out != "10 passed\n" {
		t.Errorf("got exit code %d, want 0;\n%s%s", code, out, errs)
	}
}
