package main

import "testing"

func TestWhatKEDAsUsersRelyOnHolds(t *testing.T) {
	t.Chdir("testdata/keda")
	if code, out, errs := impulse(t, "", "test", "keda.test.yaml"); code != 0 || out != "10 passed\n" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}
