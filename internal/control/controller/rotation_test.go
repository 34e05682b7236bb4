package controller

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestRotation(t *testing.T) {
	t.Run("a rotated Secret of one trigger leaves the sources of the others alone", testRotatedSecretLeavesOtherSourcesAlone)
}

func testRotatedSecretLeavesOtherSourcesAlone(t *testing.T) {
	e := newSourceEnv(t)
	sibling := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "sibling"}, StringData: map[string]string{"pw": "of the sibling"}}
	if _, err := e.kube.CoreV1().Secrets(e.w.Namespace).Create(t.Context(), sibling, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.define("sibling", v1alpha1.TriggerAuthenticationSpec{SecretTargetRef: []v1alpha1.KeyRef{{Parameter: "password", Name: "sibling", Key: "pw"}}})
	defer e.run(map[string]string{"host": "a"}, &v1alpha1.AuthenticationRef{Name: "login"})()
	defer e.run(map[string]string{"host": "b"}, &v1alpha1.AuthenticationRef{Name: "sibling"})()
	expect := func(what string, want ...string) {
		t.Helper()
		got := make([]string, len(want))
		for i := range got {
			got[i] = <-e.secrets
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got the passwords %q, want %q", what, got, want)
		}
	}
	expect("at the start", "first", "of the sibling")
	for range 2 {
		<-e.opened
	}
	for _, value := range []string{"second", "third", "fourth"} { // The next poll is far away, so only a change causes a reading.
		e.put(value)
		expect("after a change", value)
	}
	sibling.StringData["pw"] = "of the sibling, too"
	if _, err := e.kube.CoreV1().Secrets(e.w.Namespace).Update(t.Context(), sibling, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("after a change of the sibling's", "of the sibling, too")
	if n := len(e.opened); n > 0 {
		t.Errorf("%d sources were opened anew, want none", n)
	}
}
