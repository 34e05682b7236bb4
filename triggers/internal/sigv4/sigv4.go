package sigv4

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const algorithm = "AWS4-HMAC-SHA256"

// Key is an access key. SessionToken is "" unless it is a temporary one.
type Key struct{ ID, Secret, SessionToken string }

// Sign signs a request to a service in a region. It sets headers, and writes the query in the form that is signed. Of the other headers it
// signs only those that AWS requires, because proxies may change the rest. Headers, URL and body must not change afterwards.
func (k Key) Sign(r *http.Request, body []byte, service, region string, now time.Time) {
	date := now.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", date)
	if k.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", k.SessionToken)
	}
	r.Host = host(r)
	r.URL.RawQuery = query(r.URL)
	names, lines := headers(r)
	request := strings.Join([]string{r.Method, path(r.URL), r.URL.RawQuery, lines, names, digest(body)}, "\n")

	scope := []string{date[:len("20060102")], region, service, "aws4_request"}
	derived := []byte("AWS4" + k.Secret)
	for _, part := range scope {
		derived = mac(derived, part)
	}
	signature := mac(derived, strings.Join([]string{algorithm, date, strings.Join(scope, "/"), digest([]byte(request))}, "\n"))
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%x", algorithm, k.ID, strings.Join(scope, "/"), names, signature))
}

// host returns the host without the default port, which some clients and proxies do not send.
func host(r *http.Request) string {
	ports := map[string]string{"http": ":80", "https": ":443"}
	return strings.TrimSuffix(cmp.Or(r.Host, r.URL.Host), ports[r.URL.Scheme])
}

// path returns the path as it is signed: each of its segments, which are escaped already, is escaped once more.
func path(u *url.URL) string {
	segments := strings.Split(cmp.Or(u.EscapedPath(), "/"), "/")
	for i := range segments {
		segments[i] = escape(segments[i])
	}
	return strings.Join(segments, "/")
}

// query returns the parameters, ordered by their escaped names and values.
func query(u *url.URL) string {
	var pairs [][2]string
	for name, values := range u.Query() {
		for _, value := range values {
			pairs = append(pairs, [2]string{escape(name), escape(value)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	parameters := make([]string, len(pairs))
	for i, p := range pairs {
		parameters[i] = p[0] + "=" + p[1]
	}
	return strings.Join(parameters, "&")
}

// headers returns the names of the headers that are signed, and a line for each.
func headers(r *http.Request) (names, lines string) {
	signed := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if len(values) == 0 || name != "content-type" && !strings.HasPrefix(name, "x-amz-") {
			continue
		}
		trimmed := make([]string, len(values))
		for i, value := range values {
			trimmed[i] = strings.Join(strings.Fields(value), " ")
		}
		signed[name] = strings.Join(trimmed, ",")
	}
	sorted := slices.Sorted(maps.Keys(signed))
	var text strings.Builder
	for _, name := range sorted {
		text.WriteString(name + ":" + signed[name] + "\n")
	}
	return strings.Join(sorted, ";"), text.String()
}

// escape escapes all characters but letters, digits and -._~.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // It never fails.
	return h.Sum(nil)
}
