package serviceproxy_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/control/serviceproxy"
)

func TestClient(t *testing.T) {
	t.Run("the Service is known by its labels and the name of its port", testServiceIsKnownByItsLabelsAndNameOfItsPort)
	t.Run("each refusal of the Service is a sentence", testEachRefusalOfServiceIsSentence)
	t.Run("a redirect is not followed", testRedirectIsNotFollowed)
	t.Run("a server that does not answer is not waited for", testServerThatDoesNotAnswerIsNotWaitedFor)
}

// apiServer answers as an API server that has some Services, and passes requests for its proxy on. The real one is in test/e2e.
type apiServer struct {
	services []corev1.Service
	proxy    http.HandlerFunc
	// proxied are the requests for the proxy, with the token.
	proxied []string
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/impulse-system/"); {
	case path == "services":
		_ = json.NewEncoder(w).Encode(corev1.ServiceList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceList"}, Items: s.services})
	case strings.HasPrefix(path, "serviceaccounts/"):
		account := strings.Split(path, "/")[1]
		_ = json.NewEncoder(w).Encode(authenticationv1.TokenRequest{
			TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"}, Status: authenticationv1.TokenRequestStatus{Token: "token-of-" + account},
		})
	default:
		s.proxied = append(s.proxied, path+" "+r.Header.Get("Impulse-Authorization"))
		s.proxy(w, r)
	}
}

// start serves s, and returns the configuration of a client.
func (s *apiServer) start(t *testing.T) *rest.Config {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, BearerToken: "token-of-the-user"}
}

// connect returns a client that is connected to s.
func (s *apiServer) connect(t *testing.T) *serviceproxy.Client {
	t.Helper()
	c, err := serviceproxy.Connect(t.Context(), s.start(t), "impulse-system")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serviceWith returns a Service with a label and a port.
func serviceWith(name, label, value string, port corev1.ServicePort) corev1.Service {
	return corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "impulse-system", Name: name, Labels: map[string]string{label: value}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{port}},
	}
}

var plain = serviceWith("impulse", "app.kubernetes.io/name", "impulse", corev1.ServicePort{Name: "http", Port: 80})

func testServiceIsKnownByItsLabelsAndNameOfItsPort(t *testing.T) {
	others := []corev1.Service{
		serviceWith("other", "app.kubernetes.io/name", "other", corev1.ServicePort{Name: "http", Port: 80}),
		serviceWith("impulse-admission", "app.kubernetes.io/name", "impulse", corev1.ServicePort{Name: "admission", Port: 443}),
	}
	for _, c := range []struct {
		service corev1.Service
		segment string
	}{
		{plain, "impulse:http"},
		{serviceWith("impulse", "app.kubernetes.io/name", "impulse", corev1.ServicePort{Name: "http", Port: 443}), "https:impulse:http"},
		{serviceWith("impulse", "app.kubernetes.io/name", "impulse", corev1.ServicePort{Name: "http", Port: 8443, AppProtocol: new("https")}), "https:impulse:http"},
		{serviceWith("impulse", "app.kubernetes.io/name", "impulse", corev1.ServicePort{Name: "http", Port: 443, AppProtocol: new("http")}), "impulse:http"},
		{serviceWith("scaler", "helm.sh/chart", "impulse-1.2.3", corev1.ServicePort{Name: "http", Port: 80}), "scaler:http"},
	} {
		s := &apiServer{services: append(others, c.service), proxy: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"total": 1, "rows": [{"namespace": "shop", "name": "web", "levels": "19/10"}]}`))
		}}
		rows, err := s.connect(t).Rows(t.Context(), "shop")
		if err != nil || len(rows) != 1 || rows[0].Levels != "19/10" {
			t.Errorf("%s: got %v, %v", c.segment, rows, err)
		}
		want := "services/" + c.segment + "/proxy/v1/namespaces/shop/scaledobjects Bearer token-of-" + c.service.Name + "-viewer"
		if len(s.proxied) != 1 || s.proxied[0] != want {
			t.Errorf("got the requests %q, want %q", s.proxied, want)
		}
	}
	s := &apiServer{services: others}
	if _, err := serviceproxy.Connect(t.Context(), s.start(t), "impulse-system"); err == nil || !strings.HasPrefix(err.Error(), "there is no Service of Impulse in namespace impulse-system") {
		t.Errorf("without a Service of Impulse: got %v", err)
	}
}

func testEachRefusalOfServiceIsSentence(t *testing.T) {
	for _, c := range []struct {
		code       int
		text, want string
	}{
		{401, "no access\n", "the Service impulse-system/impulse does not accept tokens of ServiceAccounts: does the Impulse that runs have an older version than this program?"},
		{403, "no access\n", "ServiceAccount impulse-system/impulse-viewer may not list these ScaledObjects"},
		{404, "there is no such ScaledObject\n", live.ErrNotFound.Error()},
		{503, "the ScaledObjects have not been read yet\n", "the Service impulse-system/impulse answers: the ScaledObjects have not been read yet"},
		{200, "<html>", "read the answer of Service impulse-system/impulse: invalid character '<' looking for beginning of value"},
	} {
		s := &apiServer{services: []corev1.Service{plain}, proxy: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(c.code)
			_, _ = w.Write([]byte(c.text))
		}}
		_, err := s.connect(t).Object(t.Context(), "shop", "web")
		if err == nil || err.Error() != c.want || c.code == 404 && !errors.Is(err, live.ErrNotFound) {
			t.Errorf("%d %q: got %v, want %s", c.code, c.text, err, c.want)
		}
		if len(s.proxied) != 1 {
			t.Errorf("%d: got %d requests, want one", c.code, len(s.proxied))
		}
	}
}

func testRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another server got the header %v", r.Header)
	}))
	defer elsewhere.Close()
	s := &apiServer{services: []corev1.Service{plain}, proxy: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}}
	if _, err := s.connect(t).Object(t.Context(), "shop", "web"); err == nil {
		t.Error("got no error")
	}
}

func testServerThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	s := &apiServer{services: []corev1.Service{plain}, proxy: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
	c := s.connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Object(ctx, "shop", "web"); err == nil || err.Error() != "there was no answer in time" {
		t.Errorf("got %v, want that there was no answer in time", err)
	}
}
