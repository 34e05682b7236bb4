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

// receiver is the flags of every command that sends something to a running Impulse.
type receiver struct {
	server, tokenFile, caFile string
	format                    format
}

func (r *receiver) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.server, "server", "http://127.0.0.1:8080", "URL of Impulse")
	f.StringVar(&r.tokenFile, "token-file", "", "file that holds a bearer token (default: $"+tokenVariable+")")
	f.StringVar(&r.caFile, "ca-file", "", "certificates in PEM that sign the server's (default: those of the system)")
	_ = cmd.MarkFlagFilename("token-file")
	_ = cmd.MarkFlagFilename("ca-file")
	r.format.flag(cmd)
}

func (r *receiver) check() error {
	u, err := url.Parse(r.server)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		err = fmt.Errorf("--server is %q: expected a URL, such as http://127.0.0.1:8080", r.server)
	case u.User != nil:
		err = errors.New("--server holds credentials: put a token into a file, and name it with --token-file")
	}
	return errors.Join(err, r.format.check())
}

// message is what is sent, in words as well.
type message struct {
	method, path string
	body         any
	// what is sent, and what to look at next.
	what, next string
	// counts asks how many objects select it, and unselected says what to look at when none does, or that is not known yet.
	counts     bool
	unselected string
}

// answer is what came back.
type answer struct {
	URL  string `json:"url"`
	Code int    `json:"code"`
	// Text is the reason of what is not taken.
	Text string `json:"text,omitempty"`
	// SelectedBy is how many objects select what was sent; absent where that is not asked, or not known yet.
	SelectedBy *int `json:"selectedBy,omitempty"`
}

// send sends a message and prints what was answered.
func (r *receiver) send(cmd *cobra.Command, m message) error {
	a, err := r.ask(cmd, m)
	if err != nil {
		return err
	}
	f := r.format
	if err := f.print(cmd.OutOrStdout(), a, func(w io.Writer) error { return a.tell(w, m) }); err != nil {
		return err
	}
	switch a.Code / 100 {
	case 2:
		return nil
	case 4:
		return errFindings
	}
	return fmt.Errorf("%s cannot take it now: try again", r.server)
}

// ask sends a message and reads the answer.
func (r *receiver) ask(cmd *cobra.Command, m message) (*answer, error) {
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
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "impulse/"+version)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if m.counts {
		request.Header.Set("Prefer", "return=representation")
	}
	// A redirect would lose the body, and take the token elsewhere.
	client := &http.Client{Transport: transport, Timeout: sendTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("send it: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	if response.StatusCode/100 == 3 {
		return nil, fmt.Errorf("%s answers with a redirect to %q: name that server", address, response.Header.Get("Location"))
	}
	a := &answer{URL: address, Code: response.StatusCode, Text: strings.TrimSpace(string(text))}
	var counted struct {
		SelectedBy *int `json:"selectedBy"`
	}
	if m.counts && a.Code == http.StatusOK && json.Unmarshal(text, &counted) == nil { // An older version counts nothing.
		a.SelectedBy, a.Text = counted.SelectedBy, ""
	}
	return a, nil
}

// token is that of the file or of the environment; a newline at the end is no part of it. No error repeats it.
func (r *receiver) token() (string, error) {
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
		return "", errors.New("the token has a space, or something that is no ASCII letter, in it: one token was expected")
	}
	return token, nil
}

// transport trusts the certificates that are named.
func (r *receiver) transport() (*http.Transport, error) {
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
		return nil, fmt.Errorf("--ca-file: %s holds no certificate in PEM", r.caFile)
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	return t, nil
}
