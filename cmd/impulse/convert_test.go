package main

import "testing"

func TestConvert(t *testing.T) {
	t.Run("HPAs and KEDA objects are converted first", testHPAsAndKEDAObjectsAreConvertedFirst)
	t.Run("every difference that conversion leaves is printed", testEveryDifferenceThatConversionLeavesIsPrinted)
	t.Run("mistakes in an HPA name the HPA's fields", testMistakesInHPANameHPAsFields)
	t.Run("a converted object has no mistakes", testConvertedObjectHasNoMistakes)
	t.Run("an object that cannot be converted is refused with the reason", testObjectThatCannotBeConvertedIsRefusedWithReason)
}

func testHPAsAndKEDAObjectsAreConvertedFirst(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "test", "converted.test.yaml")
	if code != 0 || out != "14 passed\n" {
		t.Errorf("got exit code %d, want 0;\n%s%s", code, out, errs)
	}
}

func testEveryDifferenceThatConversionLeavesIsPrinted(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "check", "hpa.yaml", "old-hpa.yaml", "keda.yaml", "keda-plain.yaml", "percent-hpa.yaml")
	if code != 0 || errs != "" {
		t.Errorf("got exit code %d, want 0;\n%s", code, errs)
	}
	golden(t, "notes.txt", out)
}

func testMistakesInHPANameHPAsFields(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, _ := impulse(t, "", "check", "bare-hpa.yaml", "mistakes.yaml")
	if code != 1 {
		t.Errorf("got exit code %d, want 1", code)
	}
	golden(t, "mistakes.txt", out)
}

func testConvertedObjectHasNoMistakes(t *testing.T) {
	t.Chdir("testdata/converted")
	code, out, errs := impulse(t, "", "convert", "hpa.yaml", "old-hpa.yaml", "keda.yaml", "keda-plain.yaml")
	if code != 0 || errs != "5 objects converted\n" {
		t.Fatalf("got exit code %d, want 0;\n%s", code, errs)
	}
	golden(t, "converted.yaml.txt", out)
	code, out, _ = impulse(t, out, "check", "-", "-o", "json")
	if code != 0 {
		t.Errorf("got exit code %d, want 0; output %s", code, out)
	}
}

func testObjectThatCannotBeConvertedIsRefusedWithReason(t *testing.T) {
	t.Chdir("testdata/converted")
	for want, c := range map[int][]string{1: {"mistakes.yaml"}, 2: {"../checkout/checkout.yaml"}} {
		code, out, errs := impulse(t, "", append([]string{"convert"}, c...)...)
		if code != want || out != "" || errs == "" {
			t.Errorf("%v: exit code %d\n%s%s", c, code, out, errs)
		}
	}
}
