package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// call is a request to the API server, as rules of RBAC describe it.
type call struct{ verb, group, resource, name, namespace string }

func (c call) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s.%s %s/%s", c.verb, c.resource, c.group, c.namespace, c.name))
}

// audit is a proxy in front of the API server, which passes everything on and records which calls were allowed and which were forbidden.
type audit struct {
	t      *testing.T
	server *httptest.Server

	mu                 sync.Mutex
	allowed, forbidden map[call]bool
}

// newAudit starts a proxy to the API server of a configuration. Its clients authenticate with credentials of their own.
func newAudit(t *testing.T, config *rest.Config) *audit {
	t.Helper()
	to, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(config.CAData) {
		t.Fatal("the sandbox's kubeconfig has no CA certificate")
	}
	a := &audit{t: t, allowed: map[call]bool{}, forbidden: map[call]bool{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		ModifyResponse: a.record,
		FlushInterval:  -1, // Watches.
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	a.server = httptest.NewUnstartedServer(proxy)
	a.server.EnableHTTP2 = true
	a.server.StartTLS()
	t.Cleanup(a.server.CloseClientConnections)
	return a
}

// kubeconfig writes a kubeconfig with a token that leads to the proxy, and returns its path.
func (a *audit) kubeconfig(token string) string {
	a.t.Helper()
	config := api.NewConfig()
	config.Clusters["audit"] = &api.Cluster{
		Server:                   a.server.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw}),
	}
	config.AuthInfos["impulse"] = &api.AuthInfo{Token: token}
	config.Contexts["audit"] = &api.Context{Cluster: "audit", AuthInfo: "impulse"}
	config.CurrentContext = "audit"
	path := filepath.Join(a.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// record records one answer.
func (a *audit) record(r *http.Response) error {
	c, ok := callOf(r.Request)
	if !ok {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.StatusCode {
	case http.StatusUnauthorized:
		return nil
	case http.StatusForbidden:
		a.forbidden[c] = true
		return nil
	}
	a.allowed[c] = true
	if c.verb == "patch" && r.StatusCode == http.StatusCreated { // A patch that applies an object needs both.
		c.verb = "create"
		a.allowed[c] = true
	}
	if c.verb == "watch" { // A list comes first, unless the API server sends one with the watch, as recent ones do.
		c.verb = "list"
		a.allowed[c] = true
	}
	return nil
}

// callOf returns the call that a request is; false if it is about no resource.
func callOf(r *http.Request) (c call, ok bool) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		c.group, parts = parts[1], parts[3:]
	default:
		return c, false
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		c.namespace, parts = parts[1], parts[2:]
	}
	c.resource = parts[0]
	if len(parts) > 1 {
		c.name = parts[1]
	}
	if len(parts) > 2 {
		c.resource += "/" + parts[2]
	}
	query := r.URL.Query()
	c.verb = map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete"}[r.Method]
	switch {
	case c.verb != "":
	case query.Get("watch") != "":
		c.verb = "watch"
	case c.name == "" || c.group == "external.metrics.k8s.io":
		c.verb = "list"
	default:
		c.verb = "get"
	}
	if name, single := strings.CutPrefix(query.Get("fieldSelector"), "metadata.name="); single {
		c.name = name
	}
	return c, true
}

// grant is one verb on one resource, possibly only for one name. Its namespace is "" if it holds in all of them.
type grant struct{ verb, group, resource, name, namespace string }

func (g grant) String() string { return call(g).String() }

// covers reports whether the grant allows a call.
func (g grant) covers(c call) bool {
	return g.verb == c.verb && g.group == c.group && g.resource == c.resource && (g.name == "" || g.name == c.name) && (g.namespace == "" || g.namespace == c.namespace)
}

// grantsOf returns what rules allow in a namespace.
func grantsOf(namespace string, rules []rbacv1.PolicyRule) []grant {
	var all []grant
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						all = append(all, grant{verb, group, resource, name, namespace})
					}
				}
			}
		}
	}
	return all
}

// unused returns the grants that no allowed call needed.
func (a *audit) unused(grants []grant) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, g := range grants {
		used := false
		for c := range a.allowed {
			used = used || g.covers(c)
		}
		if !used {
			all = append(all, g.String())
		}
	}
	slices.Sort(all)
	return all
}

// refused returns the calls that were forbidden.
func (a *audit) refused() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for c := range a.forbidden {
		all = append(all, c.String())
	}
	slices.Sort(all)
	return all
}
