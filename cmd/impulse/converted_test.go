package main

import "testing"

func TestHPAsAndKEDAObjectsAreConvertedFirst(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "test", "converted.test.yaml")
	if code != 0 || out != "12 passed\n" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestEveryDifferenceThatConversionLeavesIsSaid(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "check", "hpa.yaml", "legacy-hpa.yaml", "keda.yaml", "keda-plain.yaml")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	golden(t, "notes.txt", out)
}

func TestWhatIsWrongWithAnHPAIsSaidInItsOwnWords(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, _ := impulse(t, "", "check", "bare-hpa.yaml", "mistakes.yaml")
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	golden(t, "mistakes.txt", out)
}
