package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/internal/testkit"
)

const examplesFolder = "../../../deploy/examples/notifications"

func TestExamples(t *testing.T) {
	t.Run("Grafana gets annotations as its API documents them", testGrafanaGetsAnnotations)
	t.Run("Slack gets messages as its API documents them, with text from outside escaped", testSlackGetsMessages)
	t.Run("NATS stores the events of the example", testNATSStoresEventsOfExample)
	t.Run("the page has the example of Grafana, and an event as the schema describes it", testPageHasExampleAndEvent)
}

// hostile is text from outside that means something in JSON, HTML, Slack or CEL. Sentences of the status have no control characters.
var hostile = printable.Line("<!channel> <https://evil.example|click> & \"quoted\" \\ 'a' {{.X}} ${y} \u202e \n", printable.Longest)

// runExample runs a notifier with an example file, whose text is replaced as old and new pairs say, beside other files. It sends an event of each
// type, waits until all that its filter selects were sent, and returns these.
func runExample(t *testing.T, name string, others map[string]string, replace ...string) []*Event {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			t.Fatalf("%s does not contain %q", name, replace[i])
		}
	}
	others["sinks.yaml"] = strings.NewReplacer(replace...).Replace(string(text))
	log := testkit.NewLog(t)
	n := New(Options{
		File: files(t, others), Cluster: "prod-1", HTTP: &http.Transport{}, Dial: dialer, Flush: testkit.Timeout,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err := n.Load(); err != nil {
		t.Fatal(err)
	}
	var selected []*Event
	for _, s := range *n.sinks.Load() {
		for _, e := range examples(Types()) {
			e.Time, e.Message = time.Now(), hostile
			n.Notify(e)
			if s.definition.Filter.Match(e) {
				selected = append(selected, e)
			}
		}
		stop := testkit.Background(t, n.Run)
		stop()
		if sent := testutil.ToFloat64(n.metrics.total.WithLabelValues(s.name, resultSent)); int(sent) != len(selected) || sent == 0 {
			t.Fatalf("%v of %d notifications were sent:\n%s", sent, len(selected), log)
		}
	}
	return selected
}

// annotation is the body of POST /api/annotations, as Grafana's HTTP API documents it: the times are in milliseconds.
type annotation struct {
	DashboardUID string   `json:"dashboardUID"`
	PanelID      int64    `json:"panelId"`
	Time         int64    `json:"time"`
	TimeEnd      int64    `json:"timeEnd"`
	Tags         []string `json:"tags"`
	Text         string   `json:"text"`
}

// decodeStrictly decodes a body, and refuses unknown fields.
func decodeStrictly(body io.Reader, into any) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func testGrafanaGetsAnnotations(t *testing.T) {
	var got []annotation
	server := record(t, nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a annotation
		err := decodeStrictly(r.Body, &a)
		switch {
		case r.Method != http.MethodPost || r.URL.Path != "/api/annotations":
			w.WriteHeader(http.StatusNotFound)
		case r.Header.Get("Authorization") != "Bearer glsa_example":
			w.WriteHeader(http.StatusUnauthorized)
		case err != nil || a.Text == "" || r.Header.Get("Content-Type") != "application/json":
			w.WriteHeader(http.StatusBadRequest)
		default:
			got = append(got, a)
			_, _ = fmt.Fprintf(w, `{"message":"Annotation added","id":%d}`, len(got))
		}
	})
	sent := runExample(t, "grafana.yaml", map[string]string{"grafana-token": "glsa_example\n"}, "http://grafana.monitoring:3000", server.URL)
	for i, e := range sent {
		want := annotation{Time: e.Time.Unix() * 1000, Tags: []string{"impulse", "shop", "checkout"}, Text: hostile}
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("got %+v, want %+v", got[i], want)
		}
	}
}

func testSlackGetsMessages(t *testing.T) {
	var got []string
	server := record(t, nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			Text string `json:"text"`
		}
		if err := decodeStrictly(r.Body, &m); err != nil || m.Text == "" {
			http.Error(w, "invalid_payload", http.StatusBadRequest)
			return
		}
		got = append(got, m.Text)
		_, _ = io.WriteString(w, "ok")
	})
	sent := runExample(t, "slack.yaml", map[string]string{"slack-url": server.URL + "/services/T000/B000/XXXX\n"})
	if slices.ContainsFunc(sent, func(e *Event) bool { return e.Type == Scaled }) {
		t.Error("the example selects changes of counts, want problems only")
	}
	for i, e := range sent {
		if strings.ContainsAny(got[i], "<>") || regexp.MustCompile(`&(?:[^agl]|a[^m]|[gl][^t])`).MatchString(got[i]) {
			t.Errorf("got %s, want <, > and & escaped", got[i])
		}
		if want := "shop/checkout " + string(e.Type) + ": " + hostile; html.UnescapeString(got[i]) != want {
			t.Errorf("got %s, which Slack shows as %s: want %s", got[i], html.UnescapeString(got[i]), want)
		}
	}
}

func testNATSStoresEventsOfExample(t *testing.T) {
	s := serveNATS(t)
	sent := runExample(t, "nats.yaml", map[string]string{"impulse.creds": "secret"},
		"nats://nats.messaging:4222", "nats://"+s.address, "credsFile: impulse.creds", "username: impulse\n    passwordFile: impulse.creds",
	)
	stream, err := s.stream.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range sent {
		m, err := stream.GetLastMsgForSubject(t.Context(), "impulse.shop.checkout."+string(e.Type))
		if err != nil {
			t.Fatalf("%s: %v", e.Type, err)
		}
		if err := validate(t, schema(t), m.Data); err != nil {
			t.Errorf("%s: %v\n%s", e.Type, err, m.Data)
		}
	}
	if len(sent) != len(Types()) {
		t.Errorf("the example selects %d types, want all", len(sent))
	}
}

// block matches a block of code of the page with its info.
var block = regexp.MustCompile("(?ms)^```(\\w+) (\\w+)\n(.*?)^```$")

func testPageHasExampleAndEvent(t *testing.T) {
	page, err := os.ReadFile("../../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(examplesFolder, "grafana.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 3 {
		t.Fatalf("the page has %d blocks, want 3", len(blocks))
	}
	if !strings.HasSuffix(string(example), blocks[0][3]) {
		t.Errorf("the page has\n%s\nwant the example\n%s", blocks[0][3], example)
	}
	if err := validate(t, schema(t), []byte(blocks[1][3])); err != nil {
		t.Errorf("the event of the page: %v", err)
	}
	checkPatch(t, blocks[2][3])
	for _, of := range Types() {
		if !strings.Contains(string(page), "`"+string(of)+"`") {
			t.Errorf("the page does not describe the type %s", of)
		}
	}
}

// checkPatch applies the patch of the page, which only adds to lists, to the Deployment of the manifests.
func checkPatch(t *testing.T, text string) {
	t.Helper()
	manifest, err := os.ReadFile("../../../deploy/manifests/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(manifest, &d); err != nil {
		t.Fatal(err)
	}
	var patch []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &patch); err != nil {
		t.Fatal(err)
	}
	pod := &d.Spec.Template.Spec
	var (
		volume  corev1.Volume
		mount   corev1.VolumeMount
		arg     string
		targets = map[string]any{
			"/spec/template/spec/volumes/-": &volume, "/spec/template/spec/containers/0/volumeMounts/-": &mount,
			"/spec/template/spec/containers/0/args/-": &arg,
		}
	)
	for _, one := range patch {
		if err := decodeStrictly(bytes.NewReader(one.Value), targets[one.Path]); err != nil || one.Op != "add" {
			t.Errorf("the patch has %s of %s: %v", one.Op, one.Path, err)
		}
	}
	switch {
	case len(pod.Volumes) == 0 || len(pod.Containers[0].VolumeMounts) == 0 || len(pod.Containers[0].Args) == 0:
		t.Error("the Deployment has an empty list, to which the patch cannot add")
	case volume.Name != mount.Name || arg != "--notifications-file="+mount.MountPath+"/sinks.yaml":
		t.Errorf("the patch adds the volume %s, the mount %+v and the argument %s, which do not fit", volume.Name, mount, arg)
	}
}
