package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestPublished(t *testing.T) {
	t.Run("every object that Kubernetes or KEDA takes is converted if its types and credentials are supported", testPublishedObjectsAreConverted)
	t.Run("check finds in the objects what convert refuses, and no other mistake", testPublishedObjectsAreChecked)
	t.Run("the manifests have every type of KEDA and every version of the HPA", testPublishedObjectsCoverKEDA)
}

// refused are the published objects that Kubernetes, KEDA or Impulse refuses whatever is supported, with the field of the mistake.
// All other expectations are derived, by field.
var refused = map[string]string{
	"hpa-odd.yaml odd-storage":         "spec.metrics[0].resource.name",
	"hpa-odd.yaml odd-target":          "spec.metrics[0].resource",
	"keda-pruned.yaml deployment-name": "spec.scaleTargetRef.name",
	"keda-pruned.yaml several-unknown": "spec.triggers[1].type",
	"keda-v1.yaml job-v1":              "spec.jobTargetRef",
	"keda-jobs.yaml rabbitmq-consumer": "kind",
	"broken-document.yaml ":            "",
}

// published is one object of a file, as kubectl reads it.
type published struct {
	APIVersion string                `json:"apiVersion"`
	Kind       string                `json:"kind"`
	Metadata   struct{ Name string } `json:"metadata"`
	Spec       map[string]any        `json:"spec"`
	Items      []published           `json:"items"`
}

// readPublished returns the HPAs and the objects of KEDA in a file, in their order. One that is no YAML has no kind.
func readPublished(t *testing.T, file string) []published {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content = bytes.ReplaceAll(content, []byte("\n\t\n"), []byte("\n\n")) // The parser does not take tabs there.
	content = bytes.ReplaceAll(content, []byte("\n\t#"), []byte("\n#"))
	var all []published
	for document := range bytes.SplitSeq(content, []byte("\n---")) {
		var o published
		if err := sigsyaml.Unmarshal(bytes.TrimPrefix(document, []byte("\ufeff")), &o); err != nil {
			all = append(all, published{})
			continue
		}
		all = append(all, o.flatten("", "")...)
	}
	return all
}

// flatten returns the objects of lists.
func (o published) flatten(apiVersion, kind string) []published {
	if o.Kind == "" {
		o.APIVersion, o.Kind = apiVersion, kind
	}
	if of, ok := strings.CutSuffix(o.Kind, "List"); ok {
		var all []published
		for _, item := range o.Items {
			all = append(all, item.flatten(o.APIVersion, of)...)
		}
		return all
	}
	if group, _, _ := strings.Cut(o.APIVersion, "/"); group == "autoscaling" || group == "keda.sh" || group == "keda.k8s.io" {
		return []published{o}
	}
	return nil
}

// expected returns the fields of the mistakes that conversion finds in an object; none if it is converted.
func (o published) expected(file string) []string {
	if field, ok := refused[file+" "+o.Metadata.Name]; ok {
		return []string{field}
	}
	var fields []string
	if strings.HasSuffix(o.Kind, "TriggerAuthentication") {
		supported := reflect.VisibleFields(reflect.TypeFor[v1alpha1.TriggerAuthenticationSpec]())
		for source := range o.Spec {
			if !slices.ContainsFunc(supported, func(f reflect.StructField) bool { return strings.HasPrefix(f.Tag.Get("json"), source+",") }) {
				fields = append(fields, "spec."+source)
			}
		}
		return fields[:min(1, len(fields))] // One mistake names them all.
	}
	for i, trigger := range o.triggers() {
		if !isKind(fmt.Sprint(trigger["type"])) {
			fields = append(fields, fmt.Sprintf("spec.triggers[%d].type", i))
		}
	}
	return fields
}

// triggers returns the triggers of an object.
func (o published) triggers() []map[string]any {
	list, _ := o.Spec["triggers"].([]any)
	all := make([]map[string]any, len(list))
	for i := range list {
		all[i], _ = list[i].(map[string]any)
	}
	return all
}

// isKind reports whether there is a kind of this name.
func isKind(name string) bool {
	for _, k := range builtin.Kinds() {
		if k.Name == name {
			return true
		}
	}
	return false
}

func testPublishedObjectsAreConverted(t *testing.T) { eachPublished(t, convertPublished) }

func testPublishedObjectsAreChecked(t *testing.T) { eachPublished(t, checkPublished) }

// eachPublished calls a test for each file.
func eachPublished(t *testing.T, test func(t *testing.T, file string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/published/*.*")
	if err != nil || len(files) < 40 {
		t.Fatalf("got %d files of published manifests (%v), want 40 and more", len(files), err)
	}
	for _, file := range files {
		if filepath.Ext(file) != ".txt" {
			t.Run(filepath.Base(file), func(t *testing.T) { test(t, file) })
		}
	}
}

// checkPublished checks one file as it is, and compares the mistakes with the expected ones.
func checkPublished(t *testing.T, file string) {
	t.Helper()
	code, out, errs := impulse(t, "", "check", file)
	mistakes := slices.DeleteFunc(strings.Split(strings.TrimSpace(out+errs), "\n"), func(line string) bool {
		return !strings.HasPrefix(line, file+":") || strings.Contains(line, ": warning: ")
	})
	wantCode := 0
	for _, o := range readPublished(t, file) {
		for _, field := range o.expected(filepath.Base(file)) {
			wantCode = 1
			at := slices.IndexFunc(mistakes, func(line string) bool { return strings.Contains(line, ": "+field) })
			if at < 0 {
				t.Errorf("%s %s: got no mistake at %s, want one; all are\n%s", o.Kind, o.Metadata.Name, field, out+errs)
				continue
			}
			mistakes = slices.Delete(mistakes, at, at+1)
		}
	}
	if code != wantCode || len(mistakes) > 0 {
		t.Errorf("got exit code %d and the unexpected mistakes %q, want exit code %d and none", code, mistakes, wantCode)
	}
}

// convertPublished converts one file and compares the outcome of each object with the expected one.
func convertPublished(t *testing.T, file string) {
	t.Helper()
	code, out, errs := impulse(t, "", "convert", file)
	lines := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
	summary, mistakes := lines[len(lines)-1], slices.DeleteFunc(lines[:len(lines)-1], func(line string) bool { return strings.Contains(line, ": skipped ") })
	var names []string
	failed, expected := 0, 0
	for _, o := range readPublished(t, file) {
		fields := o.expected(filepath.Base(file))
		if len(fields) == 0 {
			names = append(names, o.Kind+" "+o.Metadata.Name)
			continue
		}
		failed++
		for _, field := range fields {
			expected++
			at := slices.IndexFunc(mistakes, func(line string) bool { return strings.Contains(line, ": "+field) })
			if at < 0 {
				t.Errorf("%s %s: got no mistake at %s, want one; all are\n%s", o.Kind, o.Metadata.Name, field, errs)
				continue
			}
			mistakes = slices.Delete(mistakes, at, at+1)
		}
	}
	if len(mistakes) > 0 {
		t.Errorf("got mistakes that are not expected:\n%s", strings.Join(mistakes, "\n"))
	}
	wantCode, want := 0, plural(len(names), "object converted", "objects converted")
	if failed > 0 {
		wantCode, want = 1, fmt.Sprintf("%s, %d not", want, failed)
	}
	if code != wantCode || summary != want {
		t.Errorf("got exit code %d and the last line %q, want %d and %q", code, summary, wantCode, want)
	}
	checkConverted(t, out, names)
}

// checkConverted compares the objects that were written with those that are expected, and checks them.
func checkConverted(t *testing.T, out string, want []string) {
	t.Helper()
	var got []string
	for document := range strings.SplitSeq(out, "\n---\n") {
		var o published
		if err := sigsyaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		if o.Kind == "" {
			continue // Nothing was written.
		}
		if !strings.HasPrefix(o.APIVersion, "impulse.sh/") {
			t.Errorf("%s has API version %s, want impulse.sh", o.Metadata.Name, o.APIVersion)
		}
		got = append(got, o.Kind+" "+o.Metadata.Name)
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "HorizontalPodAutoscaler", "ScaledObject", 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the objects %q, want %q", got, want)
	}
	if len(got) == 0 {
		return
	}
	if code, found, errs := impulse(t, out, "check", "-"); code != 0 {
		t.Errorf("a converted object has mistakes:\n%s%s", found, errs)
	}
}

func testPublishedObjectsCoverKEDA(t *testing.T) {
	content, err := os.ReadFile("testdata/published/keda-types.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/published/*.[yj]*")
	if err != nil {
		t.Fatal(err)
	}
	found, count := map[string]bool{}, 0
	for _, file := range files {
		for _, o := range readPublished(t, file) {
			count++
			found[o.APIVersion] = true
			for _, trigger := range o.triggers() {
				found[fmt.Sprint(trigger["type"])] = true
			}
		}
	}
	want := append(strings.Fields(string(content)), "autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2beta2", "autoscaling/v2", "keda.k8s.io/v1alpha1")
	for _, name := range want {
		if !found[name] {
			t.Errorf("no published object has %s", name)
		}
	}
	if count < 120 {
		t.Errorf("got %d published objects, want 120 and more", count)
	}
	t.Logf("%d objects in %d files", count, len(files))
}
