package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/impulse-sh/impulse/internal/kube/config"
)

func TestKubeconfig(t *testing.T) {
	t.Run("the cluster is the context's", testClusterIsContexts)
	t.Run("a name that the kubeconfig lacks is reported with the nearest one", testNameThatKubeconfigLacksIsReportedWithNearestOne)
	t.Run("a broken kubeconfig is named", testBrokenKubeconfigIsNamed)
	t.Run("a missing cluster is reported with the places that were searched", testMissingClusterIsReportedWithPlacesThatWereSearched)
}

const two = `{apiVersion: v1, kind: Config, current-context: near, contexts: [{name: near, context: {cluster: near}},
{name: far, context: {cluster: far, namespace: shop}}], clusters: [{name: near, cluster: {server: "https://near"}}, {name: far, cluster: {server: "https://far"}}],
users: [{name: somebody, user: {token: secret}}]}`

// put writes a kubeconfig, and returns its path.
func put(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func testClusterIsContexts(t *testing.T) {
	file := put(t, two)
	for context, want := range map[string]string{"": "https://near default", "far": "https://far shop"} {
		cluster := config.Cluster{Kubeconfig: file, Overrides: clientcmd.ConfigOverrides{CurrentContext: context}}
		found, err := cluster.Config()
		namespace, namespaceErr := cluster.Namespace()
		if err != nil || namespaceErr != nil || found.Host+" "+namespace != want {
			t.Errorf("context %q: got %+v, %v, and namespace %q, %v; want %s", context, found, err, namespace, namespaceErr, want)
		}
	}
}

func testNameThatKubeconfigLacksIsReportedWithNearestOne(t *testing.T) {
	file := put(t, two)
	for want, overrides := range map[string]clientcmd.ConfigOverrides{
		`the kubeconfig has no context "nera" (did you mean "near"?)`:       {CurrentContext: "nera"},
		`the kubeconfig has no context "production" (known are far, near)`:  {CurrentContext: "production"},
		`the kubeconfig has no user "some-body" (did you mean "somebody"?)`: {Context: api.Context{AuthInfo: "some-body"}},
		`the kubeconfig has no cluster "production" (known are far, near)`:  {Context: api.Context{Cluster: "production"}},
	} {
		cluster := config.Cluster{Kubeconfig: file, Overrides: overrides}
		if _, err := cluster.Config(); err == nil || err.Error() != "find the cluster: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	cluster := config.Cluster{Kubeconfig: put(t, "{apiVersion: v1, kind: Config, current-context: gone}")}
	if _, err := cluster.Config(); err == nil || err.Error() != `find the cluster: the kubeconfig has no context "gone", and no other` {
		t.Errorf("an empty kubeconfig with a current context: got %v", err)
	}
}

func testBrokenKubeconfigIsNamed(t *testing.T) {
	for _, text := range []string{"{apiVersion: v1, kind: Config", "[]", "apiVersion: v1\nkind: Config\nclusters: 3\n", "\x00\x01"} {
		file := put(t, text)
		cluster := config.Cluster{Kubeconfig: file}
		if _, err := cluster.Config(); err == nil || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with the name of the file", text, err)
		}
	}
}

func testMissingClusterIsReportedWithPlacesThatWereSearched(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	t.Setenv("KUBECONFIG", absent)
	if _, err := new(config.Cluster).Config(); err == nil || !strings.Contains(err.Error(), absent+" does not exist, and this is no Pod") {
		t.Errorf("got %v, want that %s does not exist", err, absent)
	}
	empty := put(t, "")
	t.Setenv("KUBECONFIG", empty+string(filepath.ListSeparator)+absent)
	if _, err := new(config.Cluster).Config(); err == nil || !strings.Contains(err.Error(), empty+" names none, "+absent+" does not exist, and this is no Pod") {
		t.Errorf("got %v, want that %s names no cluster, and %s does not exist", err, empty, absent)
	}
	cluster := config.Cluster{Kubeconfig: absent}
	if _, err := cluster.Config(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v, want that the file of --kubeconfig is missing", err)
	}
}
