package rabbitmq

import (
	"net"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Run("a host is a URL with a virtual host", testHostIsURLWithVirtualHost)
	t.Run("a host that cannot be used has a problem that does not quote it", testHostThatCannotBeUsedHasProblem)
}

func testHostIsURLWithVirtualHost(t *testing.T) {
	guest := place{protocol: "amqp", address: "h:5672", vhost: "/", username: "guest", password: "guest"}
	with := func(p place, change func(*place)) place { change(&p); return p }
	api := place{protocol: "http", address: "h:15672", vhost: "/"}
	for host, want := range map[string]place{
		"amqp://h":          guest,
		"amqp://h/":         guest,
		"amqp://h:5672/%2f": guest,
		" amqp://h\n":       guest,
		"amqp://h/shop":     with(guest, func(p *place) { p.vhost = "shop" }),
		"amqp://h/a/b%20c":  with(guest, func(p *place) { p.vhost = "a/b c" }),
		"amqps://h?heartbeat=5": with(guest, func(p *place) {
			p.secure, p.address = true, "h:5671"
		}),
		"amqps://[::1]:1?auth_mechanism=EXTERNAL": with(guest, func(p *place) {
			p.secure, p.address, p.external = true, "[::1]:1", true
		}),
		"amqp://u@h": with(guest, func(p *place) { p.username, p.password = "u", "" }),
		"amqp://u:p%40%2F@h": with(guest, func(p *place) {
			p.username, p.password, p.hasPassword = "u", "p@/", true
		}),
		"http://h:15672":         api,
		"http://h:15672/":        api,
		"http://h:15672/%2F":     api,
		"http://h:15672/shop":    with(api, func(p *place) { p.vhost = "shop" }),
		"http://h:15672/a/b/c":   with(api, func(p *place) { p.path, p.vhost = "/a/b", "c" }),
		"http://h:15672/a%2Fb/":  with(api, func(p *place) { p.path = "/a%2Fb" }),
		"http://h:15672/a%2Fb":   with(api, func(p *place) { p.vhost = "a/b" }),
		"https://u:p@h:15672/x+": {protocol: "http", secure: true, address: "h:15672", vhost: "x+", username: "u", password: "p", hasPassword: true},
	} {
		if got, problem := parse(host); got != want || problem != "" {
			t.Errorf("%q: got %+v %s, want %+v", host, got, problem, want)
		}
	}
}

func testHostThatCannotBeUsedHasProblem(t *testing.T) {
	for host, want := range map[string]string{
		"":                                      "does not begin with amqp://",
		"secret":                                "does not begin with amqp://",
		"secret:5672":                           "does not begin with amqp://",
		"nats://secret@h":                       "does not begin with amqp://",
		"amqp://u:sec/ret@h":                    "is not a URL",
		"amqp://u:se%zzcret@h":                  "is not a URL",
		"amqp:///secret":                        "has no name of a host",
		"amqp://secret,h2":                      "has no name of a host",
		"amqp:secret":                           "has no name of a host",
		"amqp://u:secret@h:0":                   "has an invalid port",
		"amqp://u:secret@h:65536":               "has an invalid port",
		"amqp://u:secret@h?cacertfile=/a":       "has the option cacertfile: files are not read",
		"amqp://u:secret@h?certfile=/a":         "has the option certfile",
		"amqp://u:secret@h?auth_mechanism=demo": "has an auth_mechanism other than",
		"http://u:secret@h/v?x=secret":          "has a query or a fragment",
		"http://u:secret@h/v#secret":            "has a query or a fragment",
	} {
		if _, problem := parse(host); !strings.HasPrefix(problem, want) || strings.Contains(problem, "secret") {
			t.Errorf("%q: got %q, want %q", host, problem, want)
		}
	}
}

// FuzzParse: a host that is accepted has an address, a virtual host and one of two protocols, and a password is quoted nowhere.
func FuzzParse(f *testing.F) {
	for _, host := range []string{"amqp://u:p@h:1/v", "https://h/a/b%2f", "amqps://[::1]?auth_mechanism=external", "http://h//", "amqp://h/%00", "amqp://%41"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		p, problem := parse(host)
		if problem != "" {
			if len(host) > 30 && strings.Contains(problem, host) {
				t.Errorf("%q: the problem quotes it: %s", host, problem)
			}
			return
		}
		name, number, err := net.SplitHostPort(p.address)
		if err != nil || name == "" || number == "" || p.vhost == "" || p.protocol != amqpProtocol && p.protocol != httpProtocol {
			t.Errorf("%q: got %+v", host, p)
		}
		if p.path != "" && !strings.HasPrefix(p.path, "/") || strings.HasSuffix(p.path, "/") {
			t.Errorf("%q: got the path %q", host, p.path)
		}
	})
}
