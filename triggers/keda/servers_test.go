package keda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestServers(t *testing.T) {
	t.Run("the hosts of URLs, lists and connection strings are found", testHostsAreFound)
	t.Run("a request with a refused server is not sent", testRequestWithRefusedServerIsNotSent)
	t.Run("the number of servers is bounded", testNumberOfServersIsBounded)
}

func testHostsAreFound(t *testing.T) {
	for value, want := range map[string]string{
		"":                                  "",
		"orders":                            "",
		"queue: orders/eu, 30":              "",
		"5":                                 "",
		"arn:aws:sqs:eu-west-1:123:orders":  "",
		"-----BEGIN KEY-----\nMIIEvQ==\n--": "",
		"http://169.254.169.254/latest":     "169.254.169.254",
		"HTTP://[fe80::1%25eth0]:80/x":      "fe80::1 fe80::1%eth0",
		"//10.0.0.1/x":                      "10.0.0.1",
		"[::1]:6379":                        "::1",
		"::ffff:127.0.0.1":                  "::ffff:127.0.0.1",
		"localhost":                         "localhost",
		"http://user:p@ss@internal:8080/":   "internal",
		"a:9092,b:9092 10.0.0.1":            "10.0.0.1 a b",
		"mongodb://u:p@m-0:27017,m-1/?a=b":  "m-0",
		"Server=tcp:sql.shop,1433;User=sa":  "sql.shop",
		"host=db port=5432":                 "db",
		"Endpoint=sb://bus.example/;Key=ab": "bus.example",
		"root:pw@tcp(mysql.shop:3306)/db":   "mysql.shop",
		`{"token_uri": "https://login/t"}`:  "login",
		"AccountName=a;BlobEndpoint=http://127.0.0.1:10000/a;": "127.0.0.1",
	} {
		hosts := serversIn("queueName", value)
		slices.Sort(hosts)
		got := slices.Compact(hosts)
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %s", value, got, want)
		}
	}
	if got := serversIn("serverAddress", "metadata.internal"); !slices.Equal(got, []string{"metadata.internal"}) {
		t.Errorf("under the key of a host: got %q, want the name", got)
	}
}

// refuse is a rule that refuses one host.
func refuse(refused string) func(context.Context, string) error {
	return func(_ context.Context, host string) error {
		if host == refused {
			return errors.New("refused as the address of a source")
		}
		return nil
	}
}

func testRequestWithRefusedServerIsNotSent(t *testing.T) {
	f := startFake(t)
	sent := 0
	f.answers(func(context.Context, *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) {
		sent++
		return metrics("1", "1"), nil
	})
	identity := func(context.Context) (triggers.PodIdentity, error) {
		return triggers.PodIdentity{Provider: "azure-workload", IdentityAuthorityHost: "http://evil/"}, nil
	}
	for want, env := range map[string]triggers.Env{
		"metadata serverURL: refused":                    {CheckHost: refuse("169.254.169.254")},
		"the variable of apiURLFromEnv: refused":         {CheckHost: refuse("10.0.0.1")},
		"parameter connection: refused":                  {CheckHost: refuse("queue.shop"), Secrets: triggertest.Secrets(map[string]string{"connection": "amqp://u:p@queue.shop/"})},
		"podIdentity identityAuthorityHost: refused":     {CheckHost: refuse("evil"), PodIdentity: identity},
		"read azure-queue: metadata serverURL: refused ": {CheckHost: refuse("169.254.169.254")},
	} {
		r := open(t, f.address, Config{map[string]string{"serverURL": "http://169.254.169.254/", "apiURLFromEnv": "http://10.0.0.1"}}, env)
		if _, err := r.read(t.Context()); err == nil || !strings.Contains(err.Error(), want) || sent > 0 {
			t.Errorf("got the error %v and %d requests, want %s and none", err, sent, want)
		}
	}
	r := open(t, f.address, Config{map[string]string{"serverURL": "http://10.0.0.1/"}}, triggers.Env{CheckHost: refuse("169.254.169.254")})
	if _, err := r.read(t.Context()); err != nil || sent != 1 {
		t.Errorf("got the error %v and %d requests, want one", err, sent)
	}
}

func testNumberOfServersIsBounded(t *testing.T) {
	var all []string
	for i := range maxServers + 1 {
		all = append(all, fmt.Sprintf("10.0.0.%d:80", i))
	}
	r := &bridgeapi.ReadRequest{Metadata: map[string]string{"servers": strings.Join(all, ",")}}
	if err := checkServers(t.Context(), refuse(""), r); err == nil || err.Error() != "it names more than 64 servers" {
		t.Errorf("got the error %v, want that there are too many", err)
	}
}

// FuzzServersIn checks that a forbidden address is found wherever it is in a URL, a list or a connection string.
func FuzzServersIn(f *testing.F) {
	for _, text := range []string{"", "a", "http://u:p@", "host=", "tcp:", "x,y;z ", "user@", `{"k": "`} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, between := range []string{",", ";", " ", `"`} {
			value := before + between + "http://169.254.169.254:80" + between + after
			if !slices.Contains(serversIn("k", value), "169.254.169.254") {
				t.Errorf("%q: got %q, want the address", value, serversIn("k", value))
			}
		}
	})
}
