package receiver

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	t.Run("real Alertmanagers send the configured credentials", testRealAlertmanagersSendConfiguredCredentials)
}

func testRealAlertmanagersSendConfiguredCredentials(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "credentials.yaml")
	if err := os.WriteFile(list, []byte("- {name: one, namespaces: [shop], token: the-token-of-one}\n"+
		"- {name: two, namespaces: [shop], basic: {username: two, password: the-password-of-two}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials, err := auth.Read(auth.Files{List: list})
	if err != nil {
		t.Fatal(err)
	}
	r := receiverFor(t, credentials)
	endpoint := r.url + "/v1/alertmanager/shop"
	for name, shown := range map[string]string{
		"one": "{authorization: {credentials: the-token-of-one}}",
		"two": "{basic_auth: {username: two, password: the-password-of-two}}",
	} {
		level := r.trigger(name, nil)
		sendAlerts(t, []*peer{start(t, endpoint, ", http_config: "+shown)}, time.Now(), true, name)
		level.until("1")
	}
	level := r.trigger("Slow", nil)
	level.until("0")
	sendAlerts(t, []*peer{start(t, endpoint, ", http_config: {authorization: {credentials: the-password-of-two}}")}, time.Now(), true, "Slow")
	testkit.Eventually(t, "who shows something else is refused", func(context.Context) bool {
		return r.metric("impulse_http_requests_total", `"401"`) > 0
	})
	level.expectOnly("0")
}
