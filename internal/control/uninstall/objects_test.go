package uninstall

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/controller"
)

func TestObjects(t *testing.T) {
	t.Parallel()
	t.Run("only the first remaining objects are named, and messages are quoted", testOnlyFirstRemainingObjectsAreNamedAndMessagesAreQuoted)
}

// list returns a page of seven ScaledObjects, with 93 more behind it. The first cannot be restored, and its message contains a
// terminal escape.
func list() *v1alpha1.ScaledObjectList {
	more := int64(93)
	l := &v1alpha1.ScaledObjectList{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion().String(), Kind: "ScaledObjectList"},
		ListMeta: metav1.ListMeta{RemainingItemCount: &more},
	}
	for i := range 7 {
		so := v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("web-", i), Finalizers: []string{controller.Finalizer}}}
		if i == 0 {
			so.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRestoreFailed, Message: "not allowed\x1b[2J"}}
		}
		l.Items = append(l.Items, so)
	}
	return l
}

func testOnlyFirstRemainingObjectsAreNamedAndMessagesAreQuoted(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list())
	}))
	t.Cleanup(server.Close)
	o, err := newObjects(&rest.Config{Host: server.URL}, false)
	if err != nil {
		t.Fatal(err)
	}
	const waits = " (the count of its target has not been restored yet)"
	want := "ScaledObjects remain: " + strings.Join([]string{
		`shop/web-0 (RestoreFailed: "not allowed\x1b[2J")`, "shop/web-1" + waits, "shop/web-2" + waits, "shop/web-3" + waits, "shop/web-4" + waits, "and 95 more",
	}, ", ")
	if got := o.remaining(t.Context()); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	want = "all ScaledObjects, 100 (shop/web-0, shop/web-1, shop/web-2, shop/web-3, shop/web-4, and 95 more)"
	if got, err := o.present(t.Context()); err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
