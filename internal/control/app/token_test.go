package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestOwnToken(t *testing.T) {
	t.Run("no source gets the token of Impulse's own service account, and neither does the API server as a source", testNoSourceGetsOwnToken)
}

// serviceAccount returns the path of a kubeconfig that has a token of a new service account, which may do everything in the namespace.
func (e *env) serviceAccount(name string) (path, token string) {
	e.t.Helper()
	ctx := e.t.Context()
	accounts := e.Kube.CoreV1().ServiceAccounts(e.Namespace)
	if _, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		e.t.Fatal(err)
	}
	_, err := e.Kube.RbacV1().RoleBindings(e.Namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: e.Namespace, Name: name}},
	}, metav1.CreateOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	issued, err := accounts.CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(e.Kubeconfig)
	if err != nil {
		e.t.Fatal(err)
	}
	for user := range config.AuthInfos {
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: issued.Status.Token}
	}
	path = filepath.Join(e.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		e.t.Fatal(err)
	}
	return path, issued.Status.Token
}

func testNoSourceGetsOwnToken(t *testing.T) {
	e := newEnv(t)
	requests := make(chan *http.Request, 100)
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case requests <- r:
		default: // Enough were recorded.
		}
		http.Error(w, "go away", http.StatusUnauthorized) // A client that has a credential would use it now.
	}))
	t.Cleanup(source.Close)
	text := strings.NewReplacer("NS", e.Namespace, "SOURCE", source.URL, "APISERVER", e.Config.Host).Replace(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: NS}
spec:
  scaleTargetRef: {name: web}
  pollingInterval: 1
  triggers:
  - {type: prometheus, name: query, metadata: {serverAddress: SOURCE, query: up, threshold: 1}}
  - {type: metrics-api, name: number, metadata: {url: SOURCE/number, valueLocation: n, targetValue: 1}}
  - {type: metrics-api, name: apiserver, metadata: {url: APISERVER/api/v1/namespaces/NS/secrets, valueLocation: items.#, targetValue: 1, unsafeSsl: true}}
`)
	if err := os.WriteFile(filepath.Join(e.dir, "web.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := e.options()
	var token string
	o.Kubeconfig, token = e.serviceAccount("impulse")
	start(t, o).awaitReady()
	testkit.Eventually(t, "the API server refuses what the service account may read", func(context.Context) bool {
		s, err := controller.Peek(filepath.Join(e.states, ObjectStates), e.Namespace, "web")
		ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
		return err == nil && ready != nil && strings.Contains(ready.Message, "/secrets: it answered 403 Forbidden")
	})
	seen := map[string]bool{}
	for len(seen) < 2 {
		r := <-requests
		seen[r.URL.Path] = true
		for name, values := range r.Header {
			if name == "Authorization" || strings.Contains(strings.Join(values, " "), token) {
				t.Errorf("%s got the header %s, want no credential", r.URL.Path, name)
			}
		}
	}
}
