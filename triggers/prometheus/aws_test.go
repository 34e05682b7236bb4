package prometheus

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAWS(t *testing.T) {
	t.Run("the verification of this test is right for AWS's published example", testVerificationIsRightForPublishedExample)
	t.Run("what arrives has the signature of its content", testWhatArrivesHasSignatureOfItsContent)
	t.Run("a rotated or corrected key takes effect at the next query", testRotatedOrCorrectedKeyTakesEffectAtNextQuery)
	t.Run("wrong keys are unknown, with the status of the server", testWrongKeysAreUnknownWithStatusOfServer)
	t.Run("a missing parameter is named, and nothing is sent", testMissingAWSParameterIsNamedAndNothingIsSent)
	t.Run("requests without a region and a key, and with authModes, are not signed", testRequestsWithoutRegionAndKeyAndWithAuthModesAreNotSigned)
	t.Run("a redirect gets no signature", testRedirectGetsNoSignature)
}

// arrival is a request as it arrived at a server.
type arrival struct {
	*http.Request

	body []byte
}

// awsClock is the time at which the tests sign.
var awsClock = time.Date(2026, time.November, 29, 23, 59, 59, 0, time.FixedZone("", 3600))

// serveAWS starts a server that answers with one sample, or with the status that refuse returns, and returns the requests that it gets.
func serveAWS(t *testing.T, refuse func(*http.Request) int) (*httptest.Server, chan arrival) {
	t.Helper()
	arrivals := make(chan arrival, 10)
	return serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		arrivals <- arrival{r, body}
		if status := refuse(r); status != 0 {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"message":"The security token included in the request is invalid."}`))
			return
		}
		_, _ = w.Write([]byte(one))
	}), arrivals
}

func never(*http.Request) int { return 0 }

// readAWS makes one reading from a workspace of a server.
func readAWS(t *testing.T, server *httptest.Server, region string, secrets map[string]string) error {
	t.Helper()
	c := configured(server.URL + "/workspaces/ws 1+a")
	c.Query, c.AWSRegion, c.Namespace = `sum(rate(hits{path="/a b+c"}[1m])) * 100`, region, "ä ö"
	c.QueryParameters, c.CustomHeaders = []string{"dedup=true", "dedup=a+b"}, []string{"X-Scope-OrgID=a  b", "X-Amz-Note=a  b", "User-Agent=c"}
	env := environment(secrets)
	env.Now = func() time.Time { return awsClock }
	v, err := mustReader(t, c, env).Read(t.Context())
	if err == nil && v != 42_500 {
		t.Errorf("got the level %v, want 42.5", v)
	}
	return err
}

// verify returns an error unless a request has the signature that it should have, as the specification of Signature Version 4 describes it.
// It shares no code with what signs.
func (a arrival) verify(secret string) error {
	algorithm, rest, _ := strings.Cut(a.Header.Get("Authorization"), " ")
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ", ") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	_, scope, _ := strings.Cut(fields["Credential"], "/")
	if algorithm != "AWS4-HMAC-SHA256" || scope == "" {
		return fmt.Errorf("it is not signed: %q", a.Header.Get("Authorization"))
	}
	required := map[string]string{"host": a.Host}
	for name := range a.Header {
		if lower := strings.ToLower(name); lower == "content-type" || strings.HasPrefix(lower, "x-amz-") {
			required[lower] = strings.ReplaceAll(a.Header.Get(name), "  ", " ")
		}
	}
	names := slices.Sorted(maps.Keys(required))
	var headers strings.Builder
	for _, name := range names {
		headers.WriteString(name + ":" + required[name] + "\n")
	}
	if got, want := fields["SignedHeaders"], strings.Join(names, ";"); got != want {
		return fmt.Errorf("the headers %s are signed, want %s", got, want)
	}
	var parameters []string
	for name, values := range a.URL.Query() {
		for _, value := range values {
			parameters = append(parameters, escapeAWS(name)+"="+escapeAWS(value))
		}
	}
	slices.Sort(parameters)
	content := sha256.Sum256(a.body)
	canonical := sha256.Sum256([]byte(strings.Join([]string{
		a.Method, strings.ReplaceAll(escapeAWS(a.URL.EscapedPath()), "%2F", "/"), strings.Join(parameters, "&"), headers.String(), fields["SignedHeaders"],
		hex.EncodeToString(content[:]),
	}, "\n")))
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = hmacOf(key, part)
	}
	text := strings.Join([]string{algorithm, a.Header.Get("X-Amz-Date"), scope, hex.EncodeToString(canonical[:])}, "\n")
	if got, want := fields["Signature"], hex.EncodeToString(hmacOf(key, text)); got != want {
		return fmt.Errorf("the signature is %s, want %s", got, want)
	}
	return nil
}

func escapeAWS(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func hmacOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// The example get-vanilla-query-order-key-case of AWS's test suite for Signature Version 4.
func testVerificationIsRightForPublishedExample(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://example.amazonaws.com/?Param2=value2&Param1=value1", http.NoBody)
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "+
		"SignedHeaders=host;x-amz-date, Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")
	const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	if err := (arrival{r, nil}).verify(secret); err != nil {
		t.Error(err)
	}
	if err := (arrival{r, nil}).verify(secret + "X"); err == nil {
		t.Error("another secret key has the same signature")
	}
	r.Header.Set("X-Amz-Note", "added later")
	if err := (arrival{r, nil}).verify(secret); err == nil {
		t.Error("a header of AWS that is not signed was accepted")
	}
}

func testWhatArrivesHasSignatureOfItsContent(t *testing.T) {
	refusePOST := func(r *http.Request) int {
		if r.Method == http.MethodPost {
			return http.StatusMethodNotAllowed // The client then repeats the query as a GET.
		}
		return 0
	}
	for name, c := range map[string]struct {
		refuse  func(*http.Request) int
		region  string
		secrets map[string]string
		methods []string
		scope   string
	}{
		"a region of the trigger": {
			never, "eu-west-1",
			map[string]string{"awsAccessKeyID": "AKID", "awsSecretAccessKey": "secret\n", "awsRegion": "us-east-1"},
			[]string{"POST"},
			"AKID/20261129/eu-west-1/aps/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-note, ",
		},
		"a region of the authentication": {
			never, "",
			map[string]string{"awsAccessKeyId": "AKID", "awsSecretAccessKey": "secret", "awsRegion": "us-gov-west-1"},
			[]string{"POST"},
			"AKID/20261129/us-gov-west-1/aps/aws4_request, ",
		},
		"a session token, and a server without POST": {
			refusePOST, "eu-west-1",
			map[string]string{"awsAccessKeyID": "ASIA", "awsSecretAccessKey": "secret", "awsSessionToken": "token/+="},
			[]string{"POST", "GET"},
			"ASIA/20261129/eu-west-1/aps/aws4_request, ",
		},
	} {
		server, arrivals := serveAWS(t, c.refuse)
		if err := readAWS(t, server, c.region, c.secrets); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, method := range c.methods {
			a := <-arrivals
			if err := a.verify("secret"); err != nil || a.Method != method {
				t.Errorf("%s: got %s %s: %v; want a signed %s", name, a.Method, a.URL, err, method)
			}
			if got := a.Header.Get("Authorization"); !strings.Contains(got, "Credential="+c.scope) || a.Header.Get("X-Amz-Date") != "20261129T225959Z" {
				t.Errorf("%s: got %q at %s, want %s", name, got, a.Header.Get("X-Amz-Date"), c.scope)
			}
			if got, want := a.Header.Get("X-Amz-Security-Token"), c.secrets["awsSessionToken"]; got != want {
				t.Errorf("%s: got the session token %q, want %q", name, got, want)
			}
			a.checkForm(t)
		}
	}
}

// checkForm checks that signing has not changed what is asked.
func (a arrival) checkForm(t *testing.T) {
	t.Helper()
	body, err := url.ParseQuery(string(a.body))
	if err != nil {
		t.Fatal(err)
	}
	form := a.URL.Query()
	maps.Copy(form, body)
	if got := form["query"]; len(got) != 1 || got[0] != `sum(rate(hits{path="/a b+c"}[1m])) * 100` {
		t.Errorf("%s asks for %q", a.Method, got)
	}
	if got := form["dedup"]; form.Get("namespace") != "ä ö" || len(got) != 2 || !slices.Contains(got, "true") || !slices.Contains(got, "a+b") {
		t.Errorf("%s has the parameters %v", a.Method, form)
	}
	if a.URL.Path != "/workspaces/ws 1+a/api/v1/query" {
		t.Errorf("%s has the path %s", a.Method, a.URL.Path)
	}
}

func testRotatedOrCorrectedKeyTakesEffectAtNextQuery(t *testing.T) {
	server, arrivals := serveAWS(t, never)
	secrets := map[string]string{}
	c := configured(server.URL)
	c.AWSRegion = "eu-west-1"
	r := mustReader(t, c, environment(secrets))
	for _, key := range []string{"AKID1 mistyped", "AKID1 corrected", "AKID2 rotated"} {
		secrets["awsAccessKeyID"], secrets["awsSecretAccessKey"], _ = strings.Cut(key, " ")
		if _, err := r.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		a := <-arrivals
		if err := a.verify(secrets["awsSecretAccessKey"]); err != nil || !strings.Contains(a.Header.Get("Authorization"), secrets["awsAccessKeyID"]+"/") {
			t.Errorf("with the key %s: %v: %s", key, err, a.Header.Get("Authorization"))
		}
	}
}

func testWrongKeysAreUnknownWithStatusOfServer(t *testing.T) {
	server, _ := serveAWS(t, func(*http.Request) int { return http.StatusForbidden })
	err := readAWS(t, server, "eu-west-1", map[string]string{"awsAccessKeyID": "AKID", "awsSecretAccessKey": "hunter2", "awsSessionToken": "hunter2"})
	if err == nil || !strings.HasSuffix(err.Error(), ": client error: 403") {
		t.Errorf("got the error %v, want the status 403", err)
	}
}

func testMissingAWSParameterIsNamedAndNothingIsSent(t *testing.T) {
	server, arrivals := serveAWS(t, never)
	for want, c := range map[string]struct {
		region  string
		secrets map[string]string
	}{
		"awsRegion is set, but the authenticationRef has no parameter awsAccessKeyID":   {"eu-west-1", nil},
		"the authenticationRef has awsAccessKeyID, but no parameter awsSecretAccessKey": {"eu-west-1", map[string]string{"awsAccessKeyID": "hunter2"}},
		"the authenticationRef has awsAccessKeyID, but awsRegion is missing":            {"", map[string]string{"awsAccessKeyID": "AKID", "awsSecretAccessKey": "hunter2"}},
		"the parameter awsRegion of the authenticationRef is not a region": {
			"", map[string]string{"awsAccessKeyID": "AKID", "awsSecretAccessKey": "hunter2", "awsRegion": "hunter2/aps"},
		},
		`invalid header field value for "Authorization"`: {"eu-west-1", map[string]string{"awsAccessKeyID": "hunter2\nA: b", "awsSecretAccessKey": "hunter2"}},
	} {
		if err := readAWS(t, server, c.region, c.secrets); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got the error %v, want %q", err, want)
		}
	}
	if len(arrivals) > 0 {
		t.Error("the server got a request")
	}
}

func testRequestsWithoutRegionAndKeyAndWithAuthModesAreNotSigned(t *testing.T) {
	server, arrivals := serveAWS(t, never)
	secrets := map[string]string{
		"awsAccessKeyID": "AKID", "awsSecretAccessKey": "secret", "awsSessionToken": "token", "awsRegion": "eu-west-1", "customAuthHeader": "X-Key", "customAuthValue": "a",
	}
	custom := configured(server.URL)
	custom.AuthModes = "custom"
	for what, r := range map[string]*reader{
		"without a region and a key": mustReader(t, configured(server.URL), environment(nil)), "with authModes": mustReader(t, custom, environment(secrets)),
	} {
		if _, err := r.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a := <-arrivals; a.Header.Get("Authorization")+a.Header.Get("X-Amz-Date")+a.Header.Get("X-Amz-Security-Token") != "" {
			t.Errorf("%s the request has the headers %v", what, a.Header)
		}
	}
}

func testRedirectGetsNoSignature(t *testing.T) {
	other, arrivals := serveAWS(t, never)
	server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	err := readAWS(t, server, "eu-west-1", map[string]string{"awsAccessKeyID": "AKID", "awsSecretAccessKey": "secret", "awsSessionToken": "hunter2"})
	if err == nil || !strings.Contains(err.Error(), "redirected to "+other.URL+":") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got the error %v, want the redirect", err)
	}
	if len(arrivals) > 0 {
		t.Error("the other host got a request")
	}
}
