package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/plane"
)

// ErrNotRunning is returned when no sandbox runs in the folder.
var ErrNotRunning = errors.New("no sandbox runs there")

// Client sends commands to the sandbox in Dir.
type Client struct{ Dir string }

// Status returns the components of the sandbox and their addresses.
func (c Client) Status(ctx context.Context) (plane.Status, error) {
	var status plane.Status
	body, err := c.request(ctx, http.MethodGet, "/status")
	if err != nil {
		return status, err
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return status, fmt.Errorf("read the sandbox's status: %w", err)
	}
	return status, nil
}

// Down stops the sandbox; it returns before the sandbox has ended.
func (c Client) Down(ctx context.Context) error {
	_, err := c.request(ctx, http.MethodPost, "/down")
	return err
}

// Change stops, starts, pauses or resumes a component and returns when that is done.
func (c Client) Change(ctx context.Context, verb, component string, force bool) error {
	_, err := c.request(ctx, http.MethodPost, fmt.Sprintf("/%s/%s?force=%t", verb, component, force))
	return err
}

func (c Client) request(ctx context.Context, method, path string) ([]byte, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", Socket(c.Dir))
		},
	}}
	request, err := http.NewRequestWithContext(ctx, method, "http://sandbox"+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("send a request to the sandbox: %w", err)
	}
	response, err := client.Do(request)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("connect to the sandbox in %s: %w", c.Dir, ErrNotRunning)
	}
	if err != nil {
		return nil, fmt.Errorf("send a request to the sandbox: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the sandbox's answer: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, errors.New(strings.TrimSpace(string(body)))
	}
	return body, nil
}
