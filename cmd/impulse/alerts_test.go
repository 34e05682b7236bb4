package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/alertlist"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

func TestAlerts(t *testing.T) {
	t.Run("recorded alerts of file mode are listed", testRecordedAlertsOfFileModeAreListed)
	t.Run("a warning names the alerts that may be missing", testWarningNamesAlertsThatMayBeMissing)
	t.Run("a list that cannot be made is explained", testListThatCannotBeMadeIsExplained)
}

// selectingObject is an object that selects the alert Slow.
const selectingObject = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web, namespace: shop}\nspec:\n  scaleTargetRef: {name: web}\n" +
	"  triggers: [{type: alertmanager, metadata: {matchers: 'alertname=\"Slow\"', replicas: 3}}]\n"

// recordAlerts writes alerts as a process in file mode does, and returns the flags with the folders.
func recordAlerts(t *testing.T, content store.Shard) []string {
	t.Helper()
	config, states := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "web.yaml"), []byte(selectingObject), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, err := store.NewFolder(filepath.Join(states, app.AlertStates), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Save(t.Context(), 0, content); err != nil {
		t.Fatal(err)
	}
	return []string{"--config", config, "--state-dir", states}
}

func testRecordedAlertsOfFileModeAreListed(t *testing.T) {
	at := metav1.NewMicroTime(time.Now().UTC().Truncate(time.Second))
	since := at.Format(" 2006-01-02 15:04:05Z ")
	one := func(endpoint, name string, firing bool) v1alpha1.AlertRecord {
		return v1alpha1.AlertRecord{Endpoint: endpoint, Fingerprint: name, Labels: map[string]string{"alertname": name}, Firing: firing, StartsAt: at, LastSeen: at}
	}
	about := recordAlerts(t, store.Shard{Alerts: []v1alpha1.AlertRecord{one("shop/", "Slow", true), one("shop/", "Over", false), one("bank/", "Slow", true)}, AsOf: at.Time})
	for args, want := range map[string][]string{
		"alerts -n shop":                  {"shop Slow firing" + since + "shop/web"},
		"alerts -n shop --resolved":       {"shop Over resolved" + since + "-", "shop Slow firing" + since + "shop/web"},
		"alerts -A":                       {"bank Slow firing" + since + "-", "shop Slow firing" + since + "shop/web"},
		"alerts -A alertname!=Slow":       nil,
		"alerts":                          nil,
		"alerts -A -o wide alertname=Nil": nil,
	} {
		code, out, errs := impulse(t, "", append(strings.Fields(args), about...)...)
		var rows []string
		for line := range strings.Lines(out) {
			rows = append(rows, strings.Join(strings.Fields(line), " "))
		}
		if code != 0 || want == nil && (out != "" || !strings.Contains(errs, "no such alert is recorded")) ||
			want != nil && (errs != "" || strings.Join(rows[1:], "\n") != strings.Join(want, "\n")) {
			t.Errorf("%s: got exit code %d, want 0;\n%s%s; want no such alert is recorded", args, code, out, errs)
		}
	}
	code, out, _ := impulse(t, "", append([]string{"alerts", "-A", "-o", "json"}, about...)...)
	var all []alertlist.Alert
	if err := json.Unmarshal([]byte(out), &all); code != 0 || err != nil || len(all) != 2 || all[0].SelectedBy == nil || len(all[0].SelectedBy) != 0 {
		t.Errorf("as JSON: got exit code %d, want 0; output %v\n%s", code, err, out)
	}
	if code, out, _ := impulse(t, "", append([]string{"alerts", "-o", "json"}, about...)...); code != 0 || out != "[]\n" {
		t.Errorf("none as JSON: got exit code %d, want 0; output %q", code, out)
	}
}

func testWarningNamesAlertsThatMayBeMissing(t *testing.T) {
	about := recordAlerts(t, store.Shard{LostAt: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)})
	if code, _, errs := impulse(t, "", append([]string{"alerts", "-A"}, about...)...); code != 0 || !strings.Contains(errs, "warning: some alerts were lost at 2026-03-02T10:00:00Z") {
		t.Errorf("got exit code %d, want 0; output %s; want warning: some alerts were lost at 2026-03-02T10:00:00Z", code, errs)
	}
	torn := filepath.Join(about[3], app.AlertStates, "alerts-01.json")
	if err := os.WriteFile(torn, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := impulse(t, "", append([]string{"alerts", "-A"}, about...)...); code != 2 || out != "" || !strings.Contains(errs, "read the alerts: read "+torn) {
		t.Errorf("a torn file: got exit code %d, want 2; output %s%s", code, out, errs)
	}
	if _, err := os.Stat(torn); err != nil {
		t.Errorf("listing alerts has moved a file that another process keeps: %v", err)
	}
}

func testListThatCannotBeMadeIsExplained(t *testing.T) {
	for args, want := range map[string]string{
		"alerts severity=":                        `matcher "severity=": `,
		"alerts -o xml":                           `--output is "xml": expected text, json, yaml or wide`,
		"alerts -A -n shop":                       "--namespace has no effect with --all-namespaces",
		"alerts --state-dir x":                    "--state-dir has no effect without --config",
		"alerts --config x --lease-namespace y":   "--lease-namespace has no effect with --config",
		"alerts --kubeconfig absent":              "find the cluster: ",
		"alerts --config absent --state-dir gone": "list the files of alerts: ",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s%s, expected %q", args, code, out, errs, want)
		}
	}
}
