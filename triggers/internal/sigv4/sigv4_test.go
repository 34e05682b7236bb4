package sigv4

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSign(t *testing.T) {
	t.Run("signatures are those that AWS publishes", testSignaturesAreThoseThatAWSPublishes)
	t.Run("only what AWS requires and the request has is signed", testOnlyWhatAWSRequiresAndRequestHasIsSigned)
	t.Run("the default port is neither sent nor signed", testDefaultPortIsNeitherSentNorSigned)
	t.Run("a path is escaped once more", testPathIsEscapedOnceMore)
	t.Run("a corrected secret key is used at once", testCorrectedSecretKeyIsUsedAtOnce)
}

// The access key and the time of AWS's test suite for Signature Version 4.
var (
	example = Key{ID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	at      = time.Date(2015, time.August, 30, 12, 36, 0, 0, time.UTC)
)

// token is the session token of the suite.
const token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGd" +
	"QrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz" +
	"+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

// newRequest returns a request without a body: Sign gets it separately.
func newRequest(tb testing.TB, method, target string) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, target, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// sign signs a request as the suite does, and returns its SignedHeaders and Signature.
func sign(r *http.Request, body string, k Key) (headers, signature string) {
	k.Sign(r, []byte(body), "service", "us-east-1", at)
	begin := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
	headers, signature, _ = strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), begin), ", Signature=")
	return headers, signature
}

// The cases are those of the suite that have only headers which are signed here, with its names.
func testSignaturesAreThoseThatAWSPublishes(t *testing.T) {
	const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	temporary := example
	temporary.SessionToken = token
	for name, c := range map[string]struct {
		method, target, contentType, body string
		key                               Key
		headers, signature                string
	}{
		"get-vanilla": {
			"GET", "/", "", "", example, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		},
		"get-vanilla-query-order-key-case": {
			"GET", "/?Param2=value2&Param1=value1", "", "", example, "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
		},
		"get-vanilla-query-order-encoded": {
			"GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "", "", example, "host;x-amz-date", "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
		},
		"get-vanilla-query-unreserved": {
			"GET", "/?" + unreserved + "=" + unreserved, "", "", example, "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
		},
		"get-vanilla-utf8-query": {
			"GET", "/?ሴ=bar", "", "", example, "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
		},
		"get-unreserved": {
			"GET", "/" + unreserved, "", "", example, "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
		},
		"post-vanilla": {
			"POST", "/", "", "", example, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
		},
		"post-vanilla-query": {
			"POST", "/?Param1=value1", "", "", example, "host;x-amz-date", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
		},
		"post-x-www-form-urlencoded": {
			"POST", "/", "application/x-www-form-urlencoded", "Param1=value1", example, "content-type;host;x-amz-date",
			"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
		"post-sts-header-before": {
			"POST", "/", "", "", temporary, "host;x-amz-date;x-amz-security-token", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
		},
	} {
		r := newRequest(t, c.method, "https://example.amazonaws.com"+c.target)
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		if headers, signature := sign(r, c.body, c.key); headers != c.headers || signature != c.signature {
			t.Errorf("%s: got %q signed with %s, want %q with %s", name, headers, signature, c.headers, c.signature)
		}
		if got := r.Header.Get("X-Amz-Date"); got != "20150830T123600Z" {
			t.Errorf("%s: got the date %s", name, got)
		}
	}
}

func testOnlyWhatAWSRequiresAndRequestHasIsSigned(t *testing.T) {
	r := newRequest(t, http.MethodGet, "https://example.amazonaws.com/")
	maps.Copy(r.Header, map[string][]string{
		"Idempotency-Key": nil, "X-Amz-Empty": nil, "User-Agent": {"a"}, "X-Amzn-Trace-Id": {"b"}, "X-Scope-OrgID": {"c"}, "X-Amz-Two": {"d  e", " f"},
	})
	if headers, _ := sign(r, "", example); headers != "host;x-amz-date;x-amz-two" {
		t.Errorf("got %q signed, want the host and the headers of AWS that have values", headers)
	}
	if values, ok := r.Header["Idempotency-Key"]; !ok || values != nil {
		t.Errorf("a header without values became %q", values)
	}
}

func testDefaultPortIsNeitherSentNorSigned(t *testing.T) {
	_, want := sign(newRequest(t, http.MethodGet, "https://example.amazonaws.com/"), "", example)
	for target, host := range map[string]string{
		"https://example.amazonaws.com:443": "example.amazonaws.com", "http://example.amazonaws.com:80/": "example.amazonaws.com",
		"http://example.amazonaws.com:443/": "example.amazonaws.com:443", "https://[::1]:443/": "[::1]", "https://[::443]/": "[::443]",
	} {
		r := newRequest(t, http.MethodGet, target)
		_, signature := sign(r, "", example)
		if r.Host != host || (signature == want) != (host == "example.amazonaws.com") {
			t.Errorf("%s: got the host %s signed with %s, want the host %s", target, r.Host, signature, host)
		}
	}
}

func testPathIsEscapedOnceMore(t *testing.T) {
	for target, want := range map[string]string{
		"/workspaces/ws-1/api/v1/query": "/workspaces/ws-1/api/v1/query", "": "/", "/a b/ሴ/": "/a%2520b/%25E1%2588%25B4/", "/%2F": "/%252F", "/a+b:c": "/a%2Bb%3Ac",
	} {
		if got := path(newRequest(t, http.MethodGet, "https://example.amazonaws.com"+target).URL); got != want {
			t.Errorf("%s is signed as %s, want %s", target, got, want)
		}
	}
}

func testCorrectedSecretKeyIsUsedAtOnce(t *testing.T) {
	wrong := example
	wrong.Secret = "mistyped"
	_, want := sign(newRequest(t, http.MethodGet, "https://example.amazonaws.com/"), "", example)
	if _, got := sign(newRequest(t, http.MethodGet, "https://example.amazonaws.com/"), "", wrong); got == want {
		t.Error("another secret key has the same signature")
	}
	if _, got := sign(newRequest(t, http.MethodGet, "https://example.amazonaws.com/"), "", example); got != want {
		t.Errorf("the corrected secret key has the signature %s, want %s", got, want)
	}
}

// FuzzQuery checks that a server reads the same parameters from a query that was signed, in the order that AWS requires.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "a=1&a=0", "é=1&a=&-=+%20%2B", "a", "&&", "%zz=1&b=%", "a;b=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u := &url.URL{RawQuery: raw}
		signed := &url.URL{RawQuery: query(u)}
		got, want := signed.Query(), u.Query()
		for name := range want {
			if len(got[name]) != len(want[name]) {
				t.Errorf("%q: got %d values of %q, want %d", raw, len(got[name]), name, len(want[name]))
			}
		}
		if len(got) != len(want) || query(signed) != signed.RawQuery {
			t.Errorf("%q was written as %q, which a server reads as %v, want %v", raw, signed.RawQuery, got, want)
		}
		if strings.Contains(signed.RawQuery, "+") {
			t.Errorf("%q has a plus sign, which AWS does not read as a blank", signed.RawQuery)
		}
	})
}
