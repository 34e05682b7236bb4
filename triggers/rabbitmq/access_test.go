package rabbitmq

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestAccess(t *testing.T) {
	t.Run("the metadata override the authenticationRef", testMetadataOverrideAuthenticationRef)
	t.Run("what cannot be used is refused without quoting it", testWhatCannotBeUsedIsRefused)
	t.Run("a client certificate is the login if there is no password", testClientCertificateIsLoginIfThereIsNoPassword)
	t.Run("a credential that cannot be read is unknown", testCredentialThatCannotBeReadIsUnknown)
	t.Run("a reason has no credentials", testReasonHasNoCredentials)
}

func testMetadataOverrideAuthenticationRef(t *testing.T) {
	s := secrets{"host": "http://u:p@b:1/v", "protocol": "http", "vhostName": "w", "username": "x", "password": "y"}
	for _, c := range []struct {
		config                    Config
		secrets                   secrets
		address, vhost, user, pwd string
	}{
		{Config{Host: "amqp://u:p@a/v", VhostName: "m", Protocol: "amqp"}, secrets{}, "a:5672", "m", "u", "p"},
		{Config{Host: "http://a/v", VhostName: "m", Protocol: "http"}, s, "a:80", "m", "x", "y"},
		{Config{Host: "amqp://a/v", Protocol: "amqp"}, s, "a:5672", "w", "x", "y"},
		{Config{Protocol: "auto"}, s, "b:1", "w", "x", "y"},
		{Config{Protocol: "auto"}, secrets{"host": "http://u:p@b:1/v"}, "b:1", "v", "u", "p"},
		{Config{Protocol: "auto"}, secrets{"host": "http://b:1"}, "b:1", "/", "", ""},
		{Config{Protocol: "auto"}, secrets{"host": "amqp://b"}, "b:5672", "/", "guest", "guest"},
	} {
		a, err := c.config.access(c.secrets)
		if err != nil || a.address != c.address || a.vhost != c.vhost || a.username != c.user || a.password != c.pwd {
			t.Errorf("%+v: got %s, %s, %s, %s and %v, want %s, %s, %s, %s", c.config, a.address, a.vhost, a.username, a.password, err, c.address, c.vhost, c.user, c.pwd)
		}
	}
}

func testWhatCannotBeUsedIsRefused(t *testing.T) {
	for _, c := range []struct {
		config  Config
		secrets secrets
		want    string
	}{
		{Config{}, secrets{}, "neither the metadata nor the authenticationRef have host"},
		{Config{}, secrets{"host": "secret"}, "the host does not begin with amqp://"},
		{Config{}, secrets{"host": "amqp://h", "protocol": "secret"}, "the credential protocol is not amqp, http or auto"},
		{Config{}, secrets{"host": "amqp://h", "protocol": "http"}, "the protocol is http, but the host is one of amqp"},
		{Config{Mode: messageRate}, secrets{"host": "amqp://h"}, "mode needs the management API"},
		{Config{Mode: messageRate, UseRegex: true}, secrets{"host": "amqp://h"}, "mode and useRegex needs the management API"},
		{Config{Host: "amqp://h"}, secrets{"tls": "secret"}, "the credential tls is neither enable nor disable"},
		{Config{Host: "amqp://h"}, secrets{"tls": "enable"}, "the credential tls is enable, but the host is not one of amqps or https"},
		{Config{Host: "http://h"}, secrets{"tls": "enable"}, "the credential tls is enable, but the host is not one of amqps or https"},
		{Config{Host: "amqps://h"}, secrets{"username": "secret"}, "the authenticationRef has only one of username and password"},
		{Config{Host: "amqps://h"}, secrets{"key": "secret"}, "the authenticationRef has only one of cert and key"},
		{Config{Host: "amqp://h?auth_mechanism=external"}, secrets{}, "the login with a client certificate needs a host of amqps"},
		{Config{Host: "http://h"}, secrets{"workloadIdentityResource": "secret"}, "workloadIdentityResource has no effect without a podIdentity"},
		{Config{Host: "http://h"}, secrets{"oauthTokenURI": "secret"}, "OAuth 2 is not supported"},
	} {
		if c.config.Protocol == "" {
			c.config.Protocol = autoProtocol
		}
		_, err := c.config.access(c.secrets)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: got %v, want %s", c.config, err, c.want)
		}
	}
}

func testClientCertificateIsLoginIfThereIsNoPassword(t *testing.T) {
	pair := secrets{"cert": "c", "key": "k"}
	for host, want := range map[string]bool{"amqps://h": true, "amqps://u@h": true, "amqps://u:p@h": false, "https://h": false} {
		a, err := Config{Host: host, Protocol: autoProtocol}.access(pair)
		if err != nil || a.external != want {
			t.Errorf("%s: got %t, %v, want %t", host, a.external, err, want)
		}
	}
	a, err := Config{Host: "amqps://h", Protocol: autoProtocol}.access(secrets{"cert": "c", "key": "k", "username": "u", "password": "p"})
	if err != nil || a.external {
		t.Errorf("with a password: got %t, %v, want false", a.external, err)
	}
}

func testCredentialThatCannotBeReadIsUnknown(t *testing.T) {
	env := environment(nil)
	env.Secrets = func(context.Context, ...string) (map[string]string, error) { return nil, errors.New("lost") }
	if got, want := read(t, env, over("amqp://h")), "read queue orders: read the credentials: lost"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func testReasonHasNoCredentials(t *testing.T) {
	a := access{place: place{username: "reader", password: "horse"}}
	if got, want := a.hide("reader may not use horse"), "… may not use …"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
