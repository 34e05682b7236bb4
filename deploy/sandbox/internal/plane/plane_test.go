package plane

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPlane(t *testing.T) {
	t.Run("a folder is claimed by one sandbox at a time", testFolderIsClaimedByOneSandboxAtTime)
	t.Run("the next claim removes the rest of a crash", testNextClaimRemovesRestOfCrash)
	t.Run("a folder that is not a sandbox's is not changed", testFolderThatIsNotSandboxsIsNotChanged)
	t.Run("components are chosen", testComponentsAreChosen)
	t.Run("a port is reserved while nothing listens on it", testPortIsReservedWhileNothingListens)
	t.Run("ports are free, different, and outside the range of outgoing connections", testPortsAreFreeDifferentAndOutsideRangeOfOutgoingConnections)
	t.Run("the shell reads back every value", testShellReadsBackEveryValue)
	t.Run("Prometheus sends its alerts to the sandbox's Alertmanager", testPrometheusSendsItsAlertsToSandboxsAlertmanager)
	t.Run("components get nothing of the user's environment and write only in the folder", testComponentsGetNothingOfUsersEnvironmentAndWriteOnlyInFolder)
	t.Run("certificates are valid for their purpose only", testCertificatesAreValidForTheirPurposeOnly)
	t.Run("an interrupted wait returns the reason", testInterruptedWaitReturnsReason)
}

func testFolderIsClaimedByOneSandboxAtTime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	lock, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(dir); !errors.Is(err, ErrRunning) {
		t.Errorf("claimed twice: %v", err)
	}
	if err := Release(dir, lock); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("released, the folder is still there: %v", err)
	}
	if lock, err = Claim(dir); err != nil {
		t.Fatal(err)
	}
	lock.Close()
}

func testNextClaimRemovesRestOfCrash(t *testing.T) {
	dir := t.TempDir()
	lock, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "etcd", "member"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock.Close() // As the kernel does for a process that was killed.
	if lock, err = Claim(dir); err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != lockName {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func testFolderThatIsNotSandboxsIsNotChanged(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "thesis.tex")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(dir); !errors.Is(err, ErrForeign) {
		t.Errorf("claimed: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func testComponentsAreChosen(t *testing.T) {
	for _, test := range []struct {
		with, without string
		want          string // The components, or a part of the error.
	}{
		{"", "", "etcd kube-apiserver kube-controller-manager kube-scheduler kwok"},
		{"nats", "controller-manager,scheduler,kwok", "etcd kube-apiserver nats-server"},
		{"nats-server,alertmanager,prometheus", "kube-scheduler,prometheus", "etcd kube-apiserver kube-controller-manager kwok nats-server alertmanager"},
		{"metrics,nats", "scheduler", "etcd kube-apiserver kube-controller-manager kwok metrics-server nats-server"},
		{"nats,nats-server", "kwok", "etcd kube-apiserver kube-controller-manager kube-scheduler nats-server"},
		{"metrics-adapter,prometheus", "scheduler,kwok", "etcd kube-apiserver kube-controller-manager metrics-adapter prometheus"},
		{"metrics-adapter", "", "choose both or neither"},
		{"metrics-adapter,prometheus", "prometheus", "choose both or neither"},
		{"redis", "", `unknown component "redis": there are etcd, `},
		{"scheduler", "", "part of the control plane"},
		{"", "apiserver", "cannot do without kube-apiserver"},
		{"", "etcd", "cannot do without etcd"},
	} {
		chosen, err := Select(words(test.with), words(test.without))
		got := strings.Join(chosen, " ")
		if err != nil {
			got = err.Error()
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
			t.Errorf("with %q without %q: %s, want %s", test.with, test.without, got, test.want)
		}
	}
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func testPortsAreFreeDifferentAndOutsideRangeOfOutgoingConnections(t *testing.T) {
	all, err := reservePorts(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = all.Close() }()
	addresses := make([]string, len(all))
	for i, r := range all {
		addresses[i] = r.address
	}
	for i, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		number, _ := strconv.Atoi(port)
		if err != nil || host != "127.0.0.1" || number < firstPort || number > lastPort {
			t.Errorf("%s is not a loopback address of ours", address)
		}
		if slices.Contains(addresses[i+1:], address) {
			t.Errorf("%s is there twice", address)
		}
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Errorf("%s is not free: %v", address, err)
			continue
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A component that is not up yet, or is down, does not listen.
func testPortIsReservedWhileNothingListens(t *testing.T) {
	dir := t.TempDir()
	all, err := reservePorts(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(all[0].address)
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := reserve(t.Context(), dir, port)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := reserve(t.Context(), dir, port); err == nil {
		_ = other.Close()
		t.Errorf("%s was reserved twice", first.address)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := reserve(t.Context(), dir, port)
	if err != nil {
		t.Fatalf("%s is not free after the first reservation has ended: %v", first.address, err)
	}
	_ = again.Close()
}

func testShellReadsBackEveryValue(t *testing.T) {
	e := Env{Kubeconfig: "/a b/it's $HOME/`x`\nnext", NATSURL: "nats://127.0.0.1:4222", Bin: "/b i n"}
	script := e.Shell("") + `printf '%s|%s|%s' "$KUBECONFIG" "$NATS_URL" "${PATH%%:*}"`
	out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", script).CombinedOutput()
	if want := e.Kubeconfig + "|" + e.NATSURL + "|" + e.Bin; err != nil || string(out) != want {
		t.Errorf("the shell read %q, %v, want %q", out, err, want)
	}
	if strings.Contains(e.Shell(""), "PROMETHEUS") {
		t.Error("a component that does not run has an address")
	}
	if tests := e.Shell("IMPULSE_TEST_"); strings.Contains(tests, "export KUBECONFIG") || strings.Contains(tests, "export PATH") {
		t.Errorf("names without the prefix: %s", tests)
	}
}

func testPrometheusSendsItsAlertsToSandboxsAlertmanager(t *testing.T) {
	l := &layout{Options: Options{Dir: "/sandbox", Components: []string{Prometheus, Alertmanager}}}
	l.alertmanager, l.prometheus = "127.0.0.1:20001", "127.0.0.1:20002"
	if config := l.defaultPrometheusConfig(); !strings.Contains(config, "targets: ['127.0.0.1:20001']") {
		t.Errorf("no Alertmanager in %s", config)
	}
	e := l.env(7, l.runs)
	if e.PrometheusConfig != "/sandbox/prometheus.yml" || e.AlertmanagerURL != "http://127.0.0.1:20001" || e.NATSURL != "" {
		t.Errorf("the environment is %+v", e)
	}
	l.Components = []string{Prometheus}
	l.PrometheusConfig = "/mine/prometheus.yml"
	if config := l.defaultPrometheusConfig(); strings.Contains(config, "alertmanagers") {
		t.Errorf("an Alertmanager that does not run in %s", config)
	}
	if e := l.env(7, l.runs); e.PrometheusConfig != "/mine/prometheus.yml" || e.AlertmanagerConfig != "" {
		t.Errorf("the environment is %+v", e)
	}
}

func testComponentsGetNothingOfUsersEnvironmentAndWriteOnlyInFolder(t *testing.T) {
	t.Setenv("ETCD_NAME", "somebody-elses")
	t.Setenv("KUBECONFIG", "/home/somebody/.kube/config")
	chosen, err := Select([]string{MetricsServer, MetricsAdapter, NATS, Alertmanager, Prometheus}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &layout{Options: Options{Dir: "/sandbox", Components: chosen}}
	for _, c := range l.components() {
		if !strings.HasPrefix(c.Path, "/sandbox/bin/") || !strings.HasPrefix(c.Log, "/sandbox/") || !strings.HasPrefix(c.Dir, "/sandbox/") {
			t.Errorf("%s leaves the folder: %+v", c.Name, c.Spec)
		}
		for _, variable := range c.Env {
			if strings.HasPrefix(variable, "ETCD_") || strings.HasPrefix(variable, "KUBECONFIG") {
				t.Errorf("%s is given %s", c.Name, variable)
			}
		}
	}
	if got := len(l.components()); got != len(chosen) {
		t.Errorf("%d components for %v", got, chosen)
	}
}

func testCertificatesAreValidForTheirPurposeOnly(t *testing.T) {
	a, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	serving, err := a.server()
	if err != nil {
		t.Fatal(err)
	}
	client, err := a.client("somebody", "a-group")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	verify := func(p pair, use x509.ExtKeyUsage, host string) error {
		_, err := parse(t, p).Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{use}})
		return err
	}
	for _, host := range []string{"127.0.0.1", "localhost", "kubernetes.default.svc", "metrics-server.kube-system.svc", "metrics-adapter.kube-system.svc", serviceIP} {
		if err := verify(serving, x509.ExtKeyUsageServerAuth, host); err != nil {
			t.Errorf("serving as %s: %v", host, err)
		}
	}
	if err := verify(serving, x509.ExtKeyUsageServerAuth, "example.test"); err == nil {
		t.Error("the server's certificate is valid for any host")
	}
	if err := verify(client, x509.ExtKeyUsageClientAuth, ""); err != nil {
		t.Error(err)
	}
	if err := verify(client, x509.ExtKeyUsageServerAuth, ""); err == nil {
		t.Error("a client may serve")
	}
	if subject := parse(t, client).Subject; subject.CommonName != "somebody" || !slices.Equal(subject.Organization, []string{"a-group"}) {
		t.Errorf("the client is %v", subject)
	}
}

func parse(t *testing.T, p pair) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(p.cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func testInterruptedWaitReturnsReason(t *testing.T) {
	slow := errors.New("too slow")
	ctx, cancel := context.WithCancelCause(t.Context())
	polls := 0
	err := await(ctx, "wait for it", func(context.Context) (bool, error) {
		if polls++; polls == 3 {
			cancel(slow)
		}
		return false, nil
	})
	if !errors.Is(err, slow) || !strings.HasPrefix(err.Error(), "wait for it: ") {
		t.Errorf("got %v", err)
	}
}
