package main

import "testing"

func TestHPAsAndKEDAObjectsAreConvertedFirst(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "test", "converted.test.yaml")
	if code != 0 || out != "14 passed\n" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestEveryDifferenceThatConversionLeavesIsSaid(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "check", "hpa.yaml", "legacy-hpa.yaml", "keda.yaml", "keda-plain.yaml", "percent-hpa.yaml")
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

func TestWhatIsConvertedIsWell(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "convert", "hpa.yaml", "legacy-hpa.yaml", "keda.yaml", "keda-plain.yaml")
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	golden(t, "converted.yaml.txt", out)
	code, out, _ = impulse(t, out, "check", "-", "-o", "json")
	if code != 0 {
		t.Errorf("exit code %d, %s", code, out)
	}
}

func TestWhatCannotBeConvertedSaysWhy(t *testing.T) {
	t.Chdir("testdata/converted")
	for want, c := range map[int][]string{1: {"mistakes.yaml"}, 2: {"../story/checkout.yaml"}} {
		code, out, errs := impulse(t, "", append([]string{"convert"}, c...)...)
		if code != want || out != "" || errs == "" {
			t.Errorf("%v: exit code %d\n%s%s", c, code, out, errs)
		}
	}
}
