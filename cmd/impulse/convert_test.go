package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsConvertedIsWellAndEveryDifferenceIsSaid(t *testing.T) {
	t.Chdir("testdata/convert")
	code, out, errs := impulse(t, "", "convert", "old.yaml")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	golden(t, "new.yaml", out)
	golden(t, "notes.txt", errs)
	if code, said, errs := impulse(t, out, "check", "-"); code != 0 || said != "2 ScaledObjects are well\n" || errs != "" {
		t.Errorf("check says of it: exit code %d, %s%s", code, said, errs)
	}
	if code, again, _ := impulse(t, out, "convert", "-"); code != 0 || again != out {
		t.Errorf("what was converted is converted again: exit code %d\n%s", code, again)
	}
}

func TestWhatCannotBeConvertedIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(path, []byte("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec: {scaleTargetRef: {name: web}, triggers: [{type: kafka}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := impulse(t, "", "convert", path); code != 1 || out != "" || !strings.Contains(errs, `unknown trigger type "kafka"`) {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if code, _, errs := impulse(t, "", "convert", "absent.yaml"); code != 2 || !strings.Contains(errs, "absent.yaml: there is no such file") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}
