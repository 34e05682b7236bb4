package plane

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// requestTimeout bounds one request to a component.
const requestTimeout = 5 * time.Second

// apiClient sends requests to the components, and to the API server as the administrator.
type apiClient struct {
	url  string
	http *http.Client
}

func newAPIClient(url string, a *authority) (*apiClient, error) {
	admin, err := a.client("sandbox-admin", "system:masters")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(admin.cert, admin.key)
	if err != nil {
		return nil, fmt.Errorf("read the administrator's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &apiClient{url: url, http: &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			DisableKeepAlives: true, // A request after a restart needs a new connection.
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{certificate}},
		},
	}}, nil
}

// answers reports whether the response of url is 200.
func (c *apiClient) answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// create posts an object to a path of the API. If the object exists already, that is no error.
func (c *apiClient) create(ctx context.Context, path string, object any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode for %s: %w", path, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post to %s: %w", path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("post to %s: %w", path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated && response.StatusCode != http.StatusConflict {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
		return fmt.Errorf("post to %s: %s: %s", path, response.Status, text)
	}
	return nil
}

// get reads an object of the API.
func (c *apiClient) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", path, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// bootNodes creates the nodes and waits until KWOK has made them Ready.
func (s *Sandbox) bootNodes(ctx context.Context) error {
	for i := range s.Nodes {
		name := "node-" + strconv.Itoa(i+1)
		node := map[string]any{
			"apiVersion": "v1", "kind": "Node",
			"metadata": map[string]any{
				"name":        name,
				"annotations": map[string]string{usagePath: "/metrics/nodes/" + name + "/metrics/resource"},
				"labels":      map[string]string{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"},
			},
		}
		if err := s.api.create(ctx, "/api/v1/nodes", node); err != nil {
			return err
		}
	}
	return await(ctx, "wait for the nodes", s.nodesReady)
}

func (s *Sandbox) nodesReady(ctx context.Context) (bool, error) {
	var nodes struct {
		Items []struct {
			Spec   struct{ Taints []struct{ Key string } }
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := s.api.get(ctx, "/api/v1/nodes", &nodes); err != nil {
		return false, nil //nolint:nilerr // await retries until its timeout.
	}
	ready := 0
	for _, node := range nodes.Items {
		tainted := s.runs(ControllerManager) && len(node.Spec.Taints) > 0
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && !tainted {
				ready++
			}
		}
	}
	return ready >= s.Nodes, nil
}

// awaitServiceAccount waits until the controller manager has made what every pod needs.
func (s *Sandbox) awaitServiceAccount(ctx context.Context) error {
	return await(ctx, "wait for the default service account", func(ctx context.Context) (bool, error) {
		return s.api.answers(ctx, s.api.url+"/api/v1/namespaces/default/serviceaccounts/default"), nil
	})
}
