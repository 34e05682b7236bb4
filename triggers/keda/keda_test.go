package keda

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeclient"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestKEDA(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
	t.Run("without a bridge a trigger is refused with the flag", testWithoutBridgeTriggerIsRefusedWithFlag)
	t.Run("the bridge gets the whole trigger", testBridgeGetsWholeTrigger)
	t.Run("everything but a number makes the level unknown", testEverythingButNumberMakesLevelUnknown)
	t.Run("a bridge that hangs makes the level unknown in time", testBridgeThatHangsMakesLevelUnknownInTime)
	t.Run("the level is the number of replicas, and KEDA decides about activity", testLevelIsNumberOfReplicas)
	t.Run("the level of a type of Impulse is the value that KEDA's scaler measures", testLevelOfTypeOfImpulse)
	t.Run("every type of KEDA is served, and those of the bridge are documented", testEveryTypeIsServed)
	t.Run("the module of the bridge has the same protocol", testModuleOfBridgeHasSameProtocol)
}

func testItConformsToContractOfTriggers(t *testing.T) {
	f := startFake(t)
	triggertest.Conform(t, kind(t, "azure-queue"), triggertest.Fixture{
		Metadata: map[string]string{"queueName": "orders"}, Secrets: map[string]string{"connection": "AccountKey=c2VjcmV0"},
		Env:   triggers.Env{KEDABridge: f.address},
		Break: func(testing.TB) { f.kill() }, Repair: func(tb testing.TB) { tb.Helper(); f.start(tb) },
	})
}

// kind returns the kind of a name.
func kind(t *testing.T, name string) triggers.Kind {
	t.Helper()
	for _, k := range Kinds() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("there is no kind %s", name)
	return triggers.Kind{}
}

func testWithoutBridgeTriggerIsRefusedWithFlag(t *testing.T) {
	_, err := kind(t, "nsq").Open(Config{}, triggers.Env{})
	want := "type nsq is served by the KEDA bridge: start impulse-keda-bridge beside Impulse and set impulse run --keda-bridge"
	if err == nil || err.Error() != want {
		t.Errorf("got the error %v, want %s", err, want)
	}
}

// open returns a reader that is connected to a bridge.
func open(t *testing.T, address string, c Config, env triggers.Env) *reader {
	t.Helper()
	conn, err := bridgeclient.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &reader{kedaType: "azure-queue", config: c, env: env, conn: conn}
}

func testBridgeGetsWholeTrigger(t *testing.T) {
	f := startFake(t)
	var got *bridgeapi.ReadRequest
	f.answers(func(_ context.Context, r *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) {
		got = r
		return metrics("1", "1"), nil
	})
	r := open(t, f.address, Config{map[string]string{"queueName": "orders", "connectionFromEnv": "AccountKey=1"}}, triggers.Env{
		Namespace: "shop", Object: "orders", Trigger: "queue", Metric: scalers.Value, Input: true,
		Secrets: triggertest.Secrets(map[string]string{"sas": "abc\n", "keytab": "\x05\x02\x00\xff\n"}),
		PodIdentity: func(context.Context) (triggers.PodIdentity, error) {
			return triggers.PodIdentity{
				Provider: "aws", IdentityID: "id", IdentityTenantID: "tenant", IdentityAuthorityHost: "host", RoleARN: "role", ExternalID: "external", IdentityOwner: "keda",
			}, nil
		},
	})
	if _, err := r.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `version:VERSION_CURRENT type:"azure-queue" namespace:"shop" object:"orders" trigger:"queue" ` +
		`metadata:{key:"connectionFromEnv" value:"connectionFromEnv"} metadata:{key:"queueName" value:"orders"} ` +
		`environment:{key:"connectionFromEnv" value:"AccountKey=1"} parameters:{key:"keytab" value:"\x05\x02\x00\xff\n"} ` +
		`parameters:{key:"sas" value:"abc"} metric_type:"Value" input:true ` +
		`pod_identity:{provider:"aws" identity_id:"id" identity_tenant_id:"tenant" identity_authority_host:"host" role_arn:"role" ` +
		`external_id:"external" identity_owner:"keda"}`
	if text := strings.Join(strings.Fields(got.String()), " "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func testEverythingButNumberMakesLevelUnknown(t *testing.T) {
	f := startFake(t)
	r := open(t, f.address, Config{}, triggers.Env{})
	other := metrics("1", "1")
	other.Version = 7
	many := metrics("1", "1")
	for range maxMetrics {
		many.Metrics = append(many.Metrics, many.GetMetrics()[0])
	}
	for name, c := range map[string]struct {
		answer *bridgeapi.ReadResponse
		err    error
		want   string
	}{
		"negative":           {answer: metrics("-1", "1"), want: "the value -1, which is not a number"},
		"not a number":       {answer: metrics("NaN", "1"), want: "the value NaN, which is not a number"},
		"infinite":           {answer: metrics("+Inf", "1"), want: "the value +Inf, which is not a number"},
		"empty":              {answer: metrics("", "1"), want: "which is not a number"},
		"an exponent":        {answer: metrics("1e999999999", "1"), want: "which is not a number"},
		"long":               {answer: metrics(strings.Repeat("9", 65), "1"), want: "which is not a number"},
		"target 0":           {answer: metrics("1", "0"), want: "the target 0, which is not above 0"},
		"no target":          {answer: metrics("1", ""), want: "which is not above 0"},
		"no metric":          {answer: &bridgeapi.ReadResponse{Version: bridgeapi.Version_VERSION_CURRENT}, want: "no metric for this trigger"},
		"too many metrics":   {answer: many, want: "more than 32"},
		"huge":               {answer: metrics(strings.Repeat("9", bridgeclient.MaxMessageBytes), "1"), want: "larger than max"},
		"another version":    {answer: other, want: "version 7 of the protocol, and Impulse version 4: run the impulse-keda-bridge of the same release"},
		"no version":         {answer: &bridgeapi.ReadResponse{}, want: "version 0 of the protocol"},
		"an error":           {err: status.Error(codes.Unavailable, "queue\norders: 404"), want: `read azure-queue: queue\norders: 404`},
		"an older bridge":    {err: status.Error(codes.Unimplemented, "unknown service"), want: "the KEDA bridge does not have it: unknown service"},
		"a defect of itself": {err: errors.New("oh"), want: "Unknown: oh"},
	} {
		f.answers(func(context.Context, *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) { return c.answer, c.err })
		if got, err := r.read(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v and the error %v, want %q", name, got, err, c.want)
		}
	}
}

func testBridgeThatHangsMakesLevelUnknownInTime(t *testing.T) {
	f := startFake(t)
	f.answers(func(ctx context.Context, _ *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("no answer within 50ms"))
	defer cancel()
	_, err := open(t, f.address, Config{}, triggers.Env{}).read(ctx)
	if want := "read azure-queue: wait for the KEDA bridge: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got the error %v, want %s", err, want)
	}
}

func testLevelIsNumberOfReplicas(t *testing.T) {
	answer := metrics("22.222", "6.111")
	answer.Metrics = append(answer.Metrics, metrics("1", "3").GetMetrics()...)
	answer.Active = false
	m, err := measure(answer)
	if err != nil {
		t.Fatal(err)
	}
	if e := m.Event(false); e.Value != 3637 || e.Activity != scalers.InactiveBySource {
		t.Errorf("got the level %s with the activity %v, want 3.637 and inactive", e.Value, e.Activity)
	}
}

// FuzzNumber checks that a text is the number that it shows, or none.
func FuzzNumber(f *testing.F) {
	for _, text := range []string{"0", "1.5", "-1", "1e3", "NaN", "0x10", "1/3", "٣", strings.Repeat("9", 64)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := number(text)
		if !ok {
			return
		}
		want, valid := new(big.Rat).SetString(text)
		if !valid || got.Cmp(want) != 0 || got.Sign() < 0 {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	})
}

func testLevelOfTypeOfImpulse(t *testing.T) {
	f := startFake(t)
	requests := make(chan *bridgeapi.ReadRequest, 10)
	f.answers(func(_ context.Context, r *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) {
		requests <- r
		return metrics("30", "10"), nil
	})
	env := triggers.Env{Namespace: "shop", Object: "orders", KEDABridge: f.address, Poller: triggers.NewPoller(1, 1), Pool: triggers.NewPool()}
	testkit.Background(t, env.Poller.Run)
	source, err := OpenThroughBridge("postgresql")(map[string]string{"query": "SELECT 1"}, env)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan scalers.Event, 10)
	testkit.Background(t, func(ctx context.Context) error { return source.Run(ctx, func(e scalers.Event) { events <- e }) })
	if e := <-events; e.Err != nil || e.Value != 30_000 || e.Activity != scalers.ActiveBySource {
		t.Errorf("got the event %+v, want the level 30, and that the scaler decides about activity", e)
	}
	if r := <-requests; r.GetType() != "postgresql" || r.GetMetadata()["query"] != "SELECT 1" {
		t.Errorf("got the request %v, want the type postgresql and the query", r)
	}
}

func testEveryTypeIsServed(t *testing.T) {
	content, err := os.ReadFile("../../cmd/impulse/testdata/published/keda-types.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(content))
	page, err := os.ReadFile("../../docs/keda-types.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := table(all); !bytes.Contains(page, []byte(want)) {
		t.Errorf("docs/keda-types.md does not have this table:\n%s", want)
	}
	if len(all) != 79 || len(types)+len(natives) != len(all) {
		t.Errorf("got %d types of KEDA, of which the bridge has %d and Impulse %d, want 79", len(all), len(types), len(natives))
	}
}

// native is one of Impulse's own types.
type native struct {
	// run is what the tests of its package read.
	run string
	// bridged is which of its triggers the bridge reads; "" if none. runBridged is what a test reads through the bridge; "" if nothing.
	bridged, runBridged string
}

// natives are Impulse's own types that KEDA has, too.
var natives = map[string]native{
	"apache-kafka":           {run: "kfake, the broker of a client library's own tests", bridged: "with AWS"},
	"cpu":                    {run: "kube-apiserver with metrics-server"},
	"cron":                   {run: "no program: it is a schedule"},
	"external":               {run: "gRPC servers of the tests"},
	"external-push":          {run: "gRPC servers of the tests"},
	"kafka":                  {run: "kfake, the broker of a client library's own tests", bridged: "with Kerberos or AWS"},
	"kubernetes-workload":    {run: "kube-apiserver"},
	"memory":                 {run: "kube-apiserver with metrics-server"},
	"metrics-api":            {run: "HTTP servers of the tests"},
	"mysql":                  {run: "MariaDB 10.11"},
	"nats-jetstream":         {run: "nats-server"},
	"postgresql":             {run: "PostgreSQL 15", bridged: "with a podIdentity"},
	"prometheus":             {run: "Prometheus and VictoriaMetrics", bridged: "with an identity in a cloud", runBridged: "Prometheus"},
	"rabbitmq":               {run: "RabbitMQ 3.10", bridged: "with a podIdentity"},
	"redis":                  {run: "Redis 7.0"},
	"redis-cluster":          {run: "Redis 7.0, a cluster"},
	"redis-cluster-streams":  {run: "Redis 7.0, a cluster"},
	"redis-sentinel":         {run: "Redis 7.0 with Sentinels"},
	"redis-sentinel-streams": {run: "Redis 7.0 with Sentinels"},
	"redis-streams":          {run: "Redis 7.0"},
}

// notRun is what the table says of what no test runs.
const notRun = "not run here"

// row returns the cells of an own type.
func (n native) row() (servedBy, run string) {
	if n.bridged == "" {
		return "Impulse", n.run
	}
	return "Impulse; " + n.bridged + ", the KEDA bridge", n.run + "; through the bridge " + cmp.Or(n.runBridged, notRun)
}

// table returns the table of all types of KEDA. A type that is on neither list has no row, and the tests of impulse convert hold the list of
// types against the kinds.
func table(all []string) string {
	rows := map[string][2]string{}
	for _, t := range types {
		rows[t.name] = [2]string{"the KEDA bridge", cmp.Or(t.run, notRun)}
	}
	for name, n := range natives {
		servedBy, run := n.row()
		rows[name] = [2]string{servedBy, run}
	}
	var w strings.Builder
	w.WriteString("| type | served by | run in tests against |\n|---|---|---|\n")
	for _, name := range all {
		w.WriteString("| `" + name + "` | " + rows[name][0] + " | " + rows[name][1] + " |\n")
	}
	return w.String()
}

func testModuleOfBridgeHasSameProtocol(t *testing.T) {
	for _, path := range []string{
		"bridgeaddr/bridgeaddr.go", "bridgeaddr/doc.go", "bridgeapi/doc.go", "bridgeapi/bridge.proto", "bridgeapi/bridge.pb.go", "bridgeapi/bridge_grpc.pb.go",
	} {
		ours, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := os.ReadFile(filepath.Join("../../deploy/keda-bridge/internal", path))
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("%s of the bridge differs (%v): run go generate ./triggers/keda/...", path, err)
		}
	}
}
