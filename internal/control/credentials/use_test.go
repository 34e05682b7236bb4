package credentials

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
)

func TestUse(t *testing.T) {
	t.Run("an authentication is valid for the namespaces and servers that it names", testAuthenticationIsValidForNamespacesAndServersThatItNames)
	t.Run("namespaces share no readings that used a credential", testNamespacesShareNoReadingsThatUsedCredential)
	t.Run("a ClusterTriggerAuthentication without namespaces is valid for none", testClusterTriggerAuthenticationWithoutNamespacesIsValidForNone)
}

func testAuthenticationIsValidForNamespacesAndServersThatItNames(t *testing.T) {
	for name, c := range map[string]struct {
		namespaces, hosts, servers []string
		variables                  map[string]string
		want                       string
	}{
		"a variable, and any server":     {namespaces: []string{"shop"}, variables: map[string]string{"host": "HOST"}},
		"a variable that may be a host":  {namespaces: []string{"shop"}, hosts: []string{"redis"}, variables: map[string]string{"host": "HOST"}, want: "…FromEnv"},
		"no namespace by default":        {want: "spec.allowedNamespaces does not list shop"},
		"another namespace":              {namespaces: []string{"shop-2", "sho"}, want: "spec.allowedNamespaces does not list shop"},
		"its namespace":                  {namespaces: []string{"other", "shop"}},
		"every namespace":                {namespaces: []string{"*"}},
		"any server by default":          {namespaces: []string{"shop"}, servers: []string{"http://anywhere"}},
		"a host":                         {namespaces: []string{"shop"}, hosts: []string{"prometheus"}, servers: []string{"https://Prometheus:9090/path"}},
		"a host and a port":              {namespaces: []string{"shop"}, hosts: []string{"prometheus:9090"}, servers: []string{"http://prometheus:9090"}},
		"a host and another port":        {namespaces: []string{"shop"}, hosts: []string{"prometheus:9090"}, servers: []string{"http://prometheus"}, want: "prometheus:80"},
		"the port of a scheme":           {namespaces: []string{"shop"}, hosts: []string{"nats:4222"}, servers: []string{"nats://nats"}},
		"an address of IPv6":             {namespaces: []string{"shop"}, hosts: []string{"[fd00::1]:443"}, servers: []string{"https://[fd00::1]"}},
		"no scheme":                      {namespaces: []string{"shop"}, hosts: []string{"nats:8222"}, servers: []string{"nats:8222"}},
		"another host":                   {namespaces: []string{"shop"}, hosts: []string{"prometheus"}, servers: []string{"http://evil.example/prometheus"}, want: "evil.example:80"},
		"a host in the place of a user":  {namespaces: []string{"shop"}, hosts: []string{"prometheus"}, servers: []string{"http://prometheus@evil.example"}, want: "evil.example:80"},
		"a host that begins as another":  {namespaces: []string{"shop"}, hosts: []string{"prometheus"}, servers: []string{"http://prometheus.evil.example"}, want: "prometheus.evil.example:80"},
		"one of two servers":             {namespaces: []string{"shop"}, hosts: []string{"a"}, servers: []string{"nats://a", " nats://b"}, want: "b:4222"},
		"what is no address":             {namespaces: []string{"shop"}, hosts: []string{""}, servers: []string{"http://%zz"}, want: "spec.allowedHosts does not list"},
		"a source without requests":      {namespaces: []string{"shop"}, hosts: []string{"prometheus"}},
		"the namespace is looked at too": {namespaces: []string{"other"}, hosts: []string{"prometheus"}, servers: []string{"http://prometheus"}, want: "allowedNamespaces"},
	} {
		spec := &v1alpha1.ClusterTriggerAuthenticationSpec{AllowedNamespaces: c.namespaces, AllowedHosts: c.hosts}
		err := Use{Target: actuator.Target{Namespace: "shop"}, Servers: c.servers, Variables: c.variables}.allowedBy(spec)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: got error %v, want none", name, err)
		case c.want != "" && (!errors.Is(err, triggers.ErrNotAllowed) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func testNamespacesShareNoReadingsThatUsedCredential(t *testing.T) {
	ref := &v1alpha1.AuthenticationRef{Kind: "ClusterTriggerAuthentication", Name: "prometheus"}
	identity := func(namespace, target string, shared bool, variables map[string]string) string {
		return Use{Target: actuator.Target{Namespace: namespace, Name: target}, Ref: ref, Variables: variables}.Identity(shared)
	}
	if a, b := identity("shop", "web", true, nil), identity("other", "web", true, nil); a == b {
		t.Errorf("both are %s: the one that is not allowed would get the readings of the other", a)
	}
	if a, b := identity("shop", "web", true, nil), identity("shop", "jobs", true, nil); a != b {
		t.Errorf("got %s and %s, want one: the credentials of both targets are the same", a, b)
	}
	for _, variables := range []map[string]string{nil, {"password": "PASSWORD"}} {
		if a, b := identity("shop", "web", variables != nil, variables), identity("shop", "jobs", variables != nil, variables); a == b {
			t.Errorf("both are %s: one target would get a reading with the environment variables of the other", a)
		}
	}
}

// allow creates a ClusterTriggerAuthentication that takes the password from the Secret db, or changes its namespaces and hosts.
func (v *credentialsEnv) allow(name string, namespaces, hosts []string) {
	v.t.Helper()
	a := &v1alpha1.ClusterTriggerAuthentication{}
	at := v.ours.Get().Resource("clustertriggerauthentications").Name(name)
	err := at.Do(v.t.Context()).Into(a)
	put := v.ours.Put().Resource("clustertriggerauthentications").Name(name)
	if err != nil {
		put = v.ours.Post().Resource("clustertriggerauthentications")
		v.t.Cleanup(func() {
			_ = v.ours.Delete().Resource("clustertriggerauthentications").Name(name).Do(context.WithoutCancel(v.t.Context())).Error()
		})
	}
	a.APIVersion, a.Kind, a.Name = "impulse.sh/v1alpha1", "ClusterTriggerAuthentication", name
	a.Spec.SecretTargetRef = []v1alpha1.KeyRef{{Parameter: "password", Name: "db", Key: "pw"}}
	a.Spec.AllowedNamespaces, a.Spec.AllowedHosts = namespaces, hosts
	if err := put.Body(a).Do(v.t.Context()).Error(); err != nil {
		v.t.Fatal(err)
	}
}

func testClusterTriggerAuthenticationWithoutNamespacesIsValidForNone(t *testing.T) {
	v := newCredentialsEnv(t)
	c := v.credentials(v.config)
	name := "shared-" + v.ns // It has no namespace of its own.
	v.allow(name, nil, nil)
	k := c.Open(Use{
		Target: actuator.Target{Namespace: "tenant"}, Ref: &v1alpha1.AuthenticationRef{Kind: clusterKind, Name: name},
		Servers: []string{"http://prometheus:9090"},
	})
	t.Cleanup(k.Close)
	v.awaitError(k, "cluster trigger authentication "+name, "spec.allowedNamespaces does not list tenant", "add it there, or use a TriggerAuthentication")
	if c.secrets.pool.Len() != 0 {
		t.Error("its Secret is watched all the same")
	}
	read := func(what string) {
		t.Helper()
		testkit.Eventually(t, what, func(ctx context.Context) bool {
			got, err := password(ctx, k)
			return got == "old-password" && err == nil
		})
	}
	v.allow(name, []string{"tenant"}, nil)
	read("the namespace is allowed")
	v.allow(name, []string{"tenant"}, []string{"alertmanager"})
	v.awaitError(k, "spec.allowedHosts does not list prometheus:9090")
	v.allow(name, []string{"*"}, []string{"prometheus"})
	read("every namespace is allowed, and the server")
	v.allow(name, []string{"other"}, nil)
	v.awaitError(k, "spec.allowedNamespaces does not list tenant")
}
