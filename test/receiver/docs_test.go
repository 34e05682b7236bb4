package receiver

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

func TestDocs(t *testing.T) {
	t.Parallel()
	t.Run("a real Alertmanager posts by every route of the documentation", testRealAlertmanagerPostsByEveryRouteOfDocumentation)
}

const root = "../.."

var (
	routeBlock = regexp.MustCompile("(?s)```yaml alertmanager\n(.*?)```")
	hookURL    = regexp.MustCompile(`http://([^/\s]+)/v1/alertmanager/(\S+)`)
	tokenFile  = regexp.MustCompile(`credentials_file: [^}\s]+`)
)

// routes returns the configurations of Alertmanagers in the documentation, by page. A configuration in another form would not
// be tested, and fails the test.
func routes(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".md") {
			return err
		}
		content, err := os.ReadFile(path)
		found := routeBlock.FindSubmatch(content)
		if found != nil {
			all[path] = string(found[1])
		}
		if n := strings.Count(string(content), "webhook_configs:"); n > 1 || n == 1 && found == nil {
			t.Errorf("%s has a route that is not tested, want it in one block of `yaml alertmanager`", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Fatalf("found %d routes, want 2 or more", len(all))
	}
	return all
}

// service returns the host of the Service in the manifests, as other namespaces address it.
func service(t *testing.T) string {
	t.Helper()
	var s corev1.Service
	var k struct{ Namespace string }
	for file, into := range map[string]any{"service.yaml": &s, "kustomization.yaml": &k} {
		content, err := os.ReadFile(filepath.Join(root, "deploy/manifests", file))
		if err == nil {
			err = yaml.Unmarshal(content, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.Spec.Ports[0].Port != 80 {
		t.Errorf("the Service listens on port %d, want 80, as the routes name no port", s.Spec.Ports[0].Port)
	}
	return s.Name + "." + k.Namespace
}

func testRealAlertmanagerPostsByEveryRouteOfDocumentation(t *testing.T) {
	t.Parallel()
	host := service(t)
	for page, text := range routes(t) {
		t.Run(page, func(t *testing.T) {
			hook := hookURL.FindStringSubmatch(text)
			if hook == nil || hook[1] != host || !tokenFile.MatchString(text) {
				t.Fatalf("the route does not post to http://%s with a token:\n%s", host, text)
			}
			namespace := hook[2]
			tokens, token := filepath.Join(t.TempDir(), "tokens"), filepath.Join(t.TempDir(), "token")
			for path, content := range map[string]string{tokens: namespace + "=token-of-the-docs\n", token: "token-of-the-docs\n"} {
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			credentials, err := auth.Read(auth.Files{Tokens: tokens})
			if err != nil {
				t.Fatal(err)
			}
			r := receiverFor(t, credentials)
			scaled, paged := r.triggerIn(namespace, "Scaled", nil), r.triggerIn(namespace, "Paged", nil)
			text = strings.Replace(text, "http://"+host, r.url, 1)
			am := startWith(t, tokenFile.ReplaceAllString(text, "credentials_file: "+token))
			fire(t, am, map[string]string{"alertname": "Paged", "severity": "page"})
			fire(t, am, map[string]string{"alertname": "Scaled", "severity": "scale"})
			scaled.until("1")
			paged.until("0")
			paged.expectOnly("0")
			if refused := r.metric("impulse_http_requests_total", `"4`); refused != 0 {
				t.Errorf("%v deliveries were refused, want 0", refused)
			}
		})
	}
}

// fire sends a firing alert to an Alertmanager.
func fire(t *testing.T, am *peer, labels map[string]string) {
	t.Helper()
	body := []map[string]any{{"labels": labels, "startsAt": time.Now(), "endsAt": time.Now().Add(time.Hour)}}
	if err := am.call(t.Context(), http.MethodPost, "/api/v2/alerts", body, nil); err != nil {
		t.Fatal(err)
	}
}
