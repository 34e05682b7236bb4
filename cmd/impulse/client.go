package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

const (
	// sendTimeout bounds one request.
	sendTimeout = 15 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 64 << 10
	// maxSmallFile bounds a file with a token or with certificates, in bytes.
	maxSmallFile = 1 << 20
	// tokenVariable holds a token, when no file is named.
	tokenVariable = "IMPULSE_TOKEN"
)

// client holds the flags of commands that send to a running Impulse, and sends.
type client struct {
	server, tokenFile, caFile string
	output                    output
}

func (r *client) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.server, "server", "http://127.0.0.1:8080", "URL of Impulse")
	f.StringVar(&r.tokenFile, "token-file", "", "file with a bearer token (default: $"+tokenVariable+")")
	f.StringVar(&r.caFile, "ca-file", "", "PEM file with the CA certificates that verify the server's certificate (default: the system's CA certificates)")
	_ = cmd.MarkFlagFilename("token-file")
	_ = cmd.MarkFlagFilename("ca-file")
	r.output.flag(cmd)
}

func (r *client) check() error {
	u, err := url.Parse(r.server)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		err = fmt.Errorf("--server is %q: expected a URL, such as http://127.0.0.1:8080", r.server)
	case u.User != nil:
		err = errors.New("--server contains credentials: put a token into a file, and name it with --token-file")
	}
	return errors.Join(err, r.output.check())
}

// message is a request, and the text about it.
type message struct {
	method, path string
	body         any
	// what describes the message, and next the command to run after it.
	what, next string
	// counts requests the number of objects that select the alert. unselected is the next step if no object does, or none is known to.
	counts     bool
	unselected string
}

// answer is the response to a message.
type answer struct {
	URL  string `json:"url"`
	Code int    `json:"code"`
	// Text is the reason of a refusal.
	Text string `json:"text,omitempty"`
	// SelectedBy is the number of objects that select the alert; absent if it was not requested, or is not known yet.
	SelectedBy *int `json:"selectedBy,omitempty"`

	// credential describes the token that was sent; "" if none was.
	credential string
}

// send sends a message and prints the answer.
func (r *client) send(cmd *cobra.Command, m message) error {
	a, err := r.post(cmd, m)
	if errors.Is(err, syscall.ECONNREFUSED) && !cmd.Flags().Changed("server") {
		err = fmt.Errorf("%w: run kubectl -n impulse-system port-forward svc/impulse 8080:80 meanwhile, or name another address with --server", err)
	}
	if err != nil {
		return err
	}
	if err := r.output.write(cmd.OutOrStdout(), a, func(w io.Writer) error { return a.writeText(w, m) }); err != nil {
		return err
	}
	switch a.Code / 100 {
	case 2:
		return nil
	case 4:
		return errFindings
	}
	return fmt.Errorf("%s is not available at present: try again", r.server)
}

// post sends a message and reads the answer.
func (r *client) post(cmd *cobra.Command, m message) (*answer, error) {
	token, err := r.token()
	if err != nil {
		return nil, err
	}
	transport, err := r.transport()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(m.body)
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	address := strings.TrimRight(r.server, "/") + m.path
	request, err := http.NewRequestWithContext(cmd.Context(), m.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("create the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "impulse/"+version)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if m.counts {
		request.Header.Set("Prefer", "return=representation")
	}
	// Following a redirect would lose the body, and send the token to another server.
	client := &http.Client{Transport: transport, Timeout: sendTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("send the message: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	if response.StatusCode/100 == 3 {
		return nil, fmt.Errorf("%s redirects to %q: name that server with --server", address, response.Header.Get("Location"))
	}
	a := &answer{URL: address, Code: response.StatusCode, Text: strings.TrimSpace(string(text)), credential: r.credential(token)}
	var counted struct {
		SelectedBy *int `json:"selectedBy"`
	}
	if m.counts && a.Code == http.StatusOK && json.Unmarshal(text, &counted) == nil {
		a.SelectedBy, a.Text = counted.SelectedBy, ""
	}
	return a, nil
}

// token returns the token of the file or of the environment, without surrounding space. No error contains it.
func (r *client) token() (string, error) {
	token := os.Getenv(tokenVariable)
	if r.tokenFile != "" {
		content, err := regularfile.ReadFile(r.tokenFile, maxSmallFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		token = string(content)
	}
	token = strings.TrimSpace(token)
	if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", errors.New("the token contains a space or a character that is not printable ASCII: expected one token")
	}
	return token, nil
}

// credential describes where a token came from; "" if there is none.
func (r *client) credential(token string) string {
	switch {
	case token == "":
		return ""
	case r.tokenFile != "":
		return "the token of " + r.tokenFile
	default:
		return "the token of " + tokenVariable
	}
}

// transport returns a transport that trusts the CA certificates in --ca-file.
func (r *client) transport() (*http.Transport, error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if r.caFile == "" {
		return t, nil
	}
	content, err := regularfile.ReadFile(r.caFile, maxSmallFile)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("--ca-file: %s contains no PEM certificate", r.caFile)
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	return t, nil
}
