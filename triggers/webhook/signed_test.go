package webhook

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // SNS does.
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestSigned(t *testing.T) {
	t.Run("a body without its signature is refused", testBodyWithoutItsSignatureIsRefused)
}

func secretOf(value string) func(context.Context, string) (string, error) {
	return func(_ context.Context, parameter string) (string, error) {
		if parameter != "hmacSecret" {
			return "", nil
		}
		return value, nil
	}
}

func testBodyWithoutItsSignatureIsRefused(t *testing.T) {
	const body = `{"jobs":3}`
	secrets := "old secret\n\n new secret \r\n"
	env := triggers.Env{Credentials: "github", Secrets: triggertest.SecretsFunc(func(ctx context.Context, p string) (string, error) { return secretOf(secrets)(ctx, p) })}
	w := run(t, map[string]string{"hook": "jobs", "value": "body.jobs", "threshold": "1"}, env)
	for _, secret := range []string{"old secret", "new secret"} {
		w.send(body, "3", signatureHeader, sign(secret, body))
	}
	for name, signature := range map[string]string{
		"none": "", "another secret's": sign("secret", body), "that of another body": sign("new secret", `{"jobs":4}`), "of nothing": sign("", body),
		"SHA-1": "sha1=" + strings.Repeat("0", 40), "short": "sha256=00", "no hex": "sha256=" + strings.Repeat("x", 64),
	} {
		m := triggertest.MessageOf(t, body, signatureHeader, signature)
		if _, err := w.Send(t.Context(), m); !errors.Is(err, triggers.ErrUnverified) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	secrets = " \n"
	if _, err := w.Send(t.Context(), triggertest.MessageOf(t, body, signatureHeader, sign("", body))); !errors.Is(err, triggers.ErrUnavailable) {
		t.Errorf("without a secret: %v", err)
	}
}

// fakeSNS is the host of SNS: it signs with a certificate of its own, and serves that certificate.
type fakeSNS struct {
	t                  *testing.T
	key                *rsa.PrivateKey
	cert               []byte
	now                time.Time
	down               bool
	fetched, confirmed int
	others             []string
}

const (
	theTopic     = "arn:aws:sns:eu-central-1:123456789012:alarms"
	theHost      = "https://sns.eu-central-1.amazonaws.com/"
	thePath      = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
	theSubscribe = theHost + "?Action=ConfirmSubscription&TopicArn=" + theTopic + "&Token=2336412f37fb687f5d51e6e2425c464d"
)

func newFakeSNS(t *testing.T) *fakeSNS {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeSNS{t: t, key: key, cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), now: time.Now().Add(-time.Minute).Truncate(time.Millisecond)}
}

func (a *fakeSNS) client() *http.Client { return &http.Client{Transport: a} }

// RoundTrip answers as the host of SNS, and records requests to other hosts.
func (a *fakeSNS) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(code int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	switch address := r.URL.String(); {
	case a.down:
		return nil, errors.New("connection refused")
	case address == theHost+thePath:
		a.fetched++
		return answer(http.StatusOK, string(a.cert))
	case address == theSubscribe:
		a.confirmed++
		return answer(http.StatusOK, "<ConfirmSubscriptionResponse/>")
	case strings.HasPrefix(address, theHost):
		return answer(http.StatusNotFound, strings.Repeat("x", maxFetched))
	default:
		a.others = append(a.others, address)
		return answer(http.StatusOK, string(a.cert))
	}
}

// post returns the body with a signed envelope; change changes the envelope after it was signed.
func (a *fakeSNS) post(e envelope, change func(*envelope)) string {
	a.t.Helper()
	text, err := e.signedText()
	if err != nil {
		a.t.Fatal(err)
	}
	var (
		hash crypto.Hash
		sum  []byte
	)
	if e.SignatureVersion == "1" {
		one := sha1.Sum([]byte(text)) // As above.
		hash, sum = crypto.SHA1, one[:]
	} else {
		two := sha256.Sum256([]byte(text))
		hash, sum = crypto.SHA256, two[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, hash, sum)
	if err != nil {
		a.t.Fatal(err)
	}
	e.Signature = base64.StdEncoding.EncodeToString(signature)
	if change != nil {
		change(&e)
	}
	body, err := json.Marshal(e)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(body)
}

func (a *fakeSNS) envelope(version, message string, at time.Time) envelope {
	return envelope{
		Type: "Notification", MessageID: "id-" + at.Format(time.RFC3339Nano), TopicArn: theTopic, Subject: "ALARM", Message: message,
		SignedTimestamp: at.UTC().Format("2006-01-02T15:04:05.000Z"), SignatureVersion: version, SigningCertURL: theHost + thePath,
	}
}

func (a *fakeSNS) notification(version, message string, at time.Time) string {
	a.t.Helper()
	return a.post(a.envelope(version, message, at), nil)
}

func (a *fakeSNS) subscription(version string) string {
	a.t.Helper()
	e := a.envelope(version, "You have chosen to subscribe to the topic "+theTopic, a.now)
	e.Type, e.Subject, e.Token, e.SubscribeURL = "SubscriptionConfirmation", "", "2336412f37fb687f5d51e6e2425c464d", theSubscribe
	return a.post(e, nil)
}
