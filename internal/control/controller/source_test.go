package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/credentials"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

func TestSource(t *testing.T) {
	t.Run("a Secret is watched as long as its trigger runs", testSecretIsWatchedAsLongAsItsTriggerRuns)
	t.Run("a polled source is read anew once its Secret changes", testPolledSourceIsReadAnewOnceItsSecretChanges)
	t.Run("a kind that cannot use the podIdentity of its authentication is not opened without the KEDA bridge", testKindThatCannotUsePodIdentityIsNotOpened)
	t.Run("the KEDA bridge reads a trigger as long as its authentication has a podIdentity", testBridgeReadsTriggerWithPodIdentity)
	t.Run("the KEDA bridge reads a trigger as long as a parameter of its authentication asks for it", testBridgeReadsTriggerWithLogin)
	t.Run("a source that runs is closed when a change demands the KEDA bridge and there is none", testSourceIsClosedWhenChangeDemandsBridge)
	t.Run("an event says that the vault could not be read again", testEventSaysThatVaultCouldNotBeReadAgain)
	t.Run("a source is opened anew when an environment variable in its metadata changes", testSourceIsOpenedAnewWhenEnvironmentVariableInItsMetadataChanges)
}

// sourceEnv is a namespace with the TriggerAuthentication login, which takes the parameter password from the Secret db, and with the
// Deployment web, whose container has the environment variable HOST.
type sourceEnv struct {
	t       *testing.T
	kube    *kubernetes.Clientset
	all     *credentials.Credentials
	w       *compile.Workload
	poller  *triggers.Poller
	queue   *workqueue.Queue
	events  chan scalers.Event
	opened  chan sourceConfig
	secrets chan string
	ours    rest.Interface
	// limited means that the kind can use neither a podIdentity nor the login kerberos by itself. bridge is the address of the KEDA bridge,
	// and bridged gets the metadata with which a source is opened there.
	limited bool
	bridge  string
	bridged chan map[string]string
	// stream, unless it is nil, is what the sources of the kind run instead of polling.
	stream func(ctx context.Context, c sourceConfig) error
}

// sourceConfig is the metadata of the triggers of a sourceEnv.
type sourceConfig struct {
	Host string `json:"host" doc:"A host."`
	Port string `json:"port" doc:"A port."`
}

func (c sourceConfig) Validate() error {
	if strings.Contains(c.Host, " ") {
		return &triggers.FieldError{Field: "host", Problem: c.Host + " has a space"}
	}
	return nil
}

func (sourceConfig) Trigger() scalers.Trigger { return scalers.Trigger{Target: 1000} }

// never is a polling interval that no test waits for, even though the second reading comes after a random part of it.
const never = 1e6 * time.Hour

func newSourceEnv(t *testing.T) *sourceEnv {
	t.Helper()
	config := sandbox.Config(t)
	sandbox.ApplyCRDs(t, "../../../deploy/crds")
	ns := sandbox.Namespace(t, config)
	kube, err := kubernetes.NewForConfig(config)
	ours, err2 := apiclient.New(config)
	targets, err3 := actuator.New(config, actuator.Options{})
	core, err4 := typed.NewCore(config)
	reviews, err5 := typed.NewReviews(config)
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	e := &sourceEnv{
		t: t, kube: kube, poller: triggers.NewPoller(4, 4), events: make(chan scalers.Event, 100), opened: make(chan sourceConfig, 100), secrets: make(chan string, 100),
		bridged: make(chan map[string]string, 100),
		all: credentials.New(credentials.Options{
			Client: ours, Core: core, Self: reviews, Watch: targets.WatchTarget, ClusterNamespace: ns,
		}),
		w: &compile.Workload{Namespace: ns, Name: "web", Target: actuator.Target{Namespace: ns, APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}},
	}
	e.ours = ours
	testkit.Background(t, e.poller.Run)
	e.create()
	return e
}

// define creates a TriggerAuthentication.
func (e *sourceEnv) define(name string, spec v1alpha1.TriggerAuthenticationSpec) {
	e.t.Helper()
	a := &v1alpha1.TriggerAuthentication{
		TypeMeta: metav1.TypeMeta{APIVersion: "impulse.sh/v1alpha1", Kind: "TriggerAuthentication"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: e.w.Namespace},
		Spec: spec,
	}
	if err := e.ours.Post().Namespace(e.w.Namespace).Resource("triggerauthentications").Body(a).Do(e.t.Context()).Error(); err != nil {
		e.t.Fatal(err)
	}
}

// create creates the objects.
func (e *sourceEnv) create() {
	e.t.Helper()
	ctx, ns := e.t.Context(), e.w.Namespace
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}, StringData: map[string]string{"pw": "first"}}
	_, err := e.kube.CoreV1().Secrets(ns).Create(ctx, secret, metav1.CreateOptions{})
	e.define("login", v1alpha1.TriggerAuthenticationSpec{SecretTargetRef: []v1alpha1.KeyRef{{Parameter: "password", Name: "db", Key: "pw"}}})
	labels := map[string]string{"app": "web"}
	web := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{
				{Name: "app", Image: "app", Env: []corev1.EnvVar{{Name: "HOST", Value: "first"}}},
			}},
		},
	}}
	_, err2 := e.kube.AppsV1().Deployments(ns).Create(ctx, web, metav1.CreateOptions{})
	if err := errors.Join(err, err2); err != nil {
		e.t.Fatal(err)
	}
}

// kind returns a polled kind that reports the configs with which it is opened and the passwords that it reads.
func (e *sourceEnv) kind() triggers.Kind {
	k := triggers.Define("asker", "Reads a password.", sourceConfig{}, func(c sourceConfig, env triggers.Env) (triggers.Source, error) {
		e.opened <- c
		if e.stream != nil {
			return streamed(func(ctx context.Context) error { return e.stream(ctx, c) }), nil
		}
		return triggers.PollEach(triggers.PollKey{Server: c.Host, Key: c.Host + env.Credentials}, func(ctx context.Context) (scalers.Milli, error) {
			values, err := env.Secrets.Read(ctx, "password")
			if err != nil {
				return 0, err
			}
			e.secrets <- values["password"]
			return 1000, nil
		}, func(_ scalers.Instant, value scalers.Milli) scalers.Event { return scalers.Event{Value: value} }, env), nil
	})
	k.Auth = []triggers.AuthParameter{{Name: "password", Doc: "A password."}, {Name: "login", Doc: "How to log in."}}
	if e.limited {
		k.LoginParameters = []string{"login"}
		k.Limits = func(c triggers.Config, l triggers.Login) triggers.Limit {
			if l.Parameters["login"] == "kerberos" {
				return triggers.Limit{Feature: "login kerberos", Instead: "use a password"}
			}
			return triggers.WithoutPodIdentity("use a password")(c, l)
		}
		k.OpenThroughBridge = func(metadata map[string]string, env triggers.Env) (triggers.Source, error) {
			e.bridged <- metadata
			return triggers.PollEach(triggers.PollKey{Server: "bridge", Key: "bridge"}, func(context.Context) (scalers.Milli, error) { return 7000, nil },
				func(_ scalers.Instant, value scalers.Milli) scalers.Event { return scalers.Event{Value: value} }, env), nil
		}
	}
	return k
}

// open returns the source of a trigger with these metadata.
func (e *sourceEnv) open(metadata map[string]string, ref *v1alpha1.AuthenticationRef) triggers.Source {
	e.t.Helper()
	kind := e.kind()
	config, err := kind.Decode(metadata)
	if err != nil {
		e.t.Fatal(err)
	}
	trigger := &compile.Trigger{Name: "t", Kind: kind, Config: config, Auth: ref, Variables: kind.Variables(metadata), Metadata: metadata}
	env := triggers.Env{
		Namespace: e.w.Namespace, Trigger: "t", PollingInterval: never, Now: time.Now, Poller: e.poller, KEDABridge: e.bridge, Queue: e.queue,
	}
	source, err := openSource(e.all, e.w, trigger, env)
	if err != nil {
		e.t.Fatal(err)
	}
	return source
}

// run runs a trigger with these metadata until the returned function is called.
func (e *sourceEnv) run(metadata map[string]string, ref *v1alpha1.AuthenticationRef) (stop func()) {
	e.t.Helper()
	source := e.open(metadata, ref)
	ctx, cancel := context.WithCancel(e.t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, func(event scalers.Event) { e.events <- event }) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			e.t.Errorf("the run ended with %v, want that it was cancelled", err)
		}
	}
}

// event returns the next event. It skips those of objects that a busy API server sent too late; another event follows then.
func (e *sourceEnv) event() scalers.Event {
	e.t.Helper()
	for {
		if event := <-e.events; event.Err == nil || !strings.Contains(event.Err.Error(), "it has not been read yet") {
			return event
		}
	}
}

// watches returns the number of objects that are watched for triggers.
func watches() int { return goroutinesWith("watch.(*Pool[") }

// goroutinesWith returns how often a text is in the stacks of all goroutines.
func goroutinesWith(text string) int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), text)
}

func testSecretIsWatchedAsLongAsItsTriggerRuns(t *testing.T) {
	e := newSourceEnv(t)
	before := watches()
	stop := e.run(nil, &v1alpha1.AuthenticationRef{Name: "login"})
	if got := <-e.secrets; got != "first" {
		t.Errorf("the source read %q, want first", got)
	}
	if now := watches(); now <= before {
		t.Errorf("%d objects are watched, want more than %d", now, before)
	}
	stop()
	testkit.Eventually(t, fmt.Sprintf("%d objects are watched after the end", before), func(context.Context) bool { return watches() == before })
}

func testPolledSourceIsReadAnewOnceItsSecretChanges(t *testing.T) {
	e := newSourceEnv(t)
	defer e.run(nil, &v1alpha1.AuthenticationRef{Name: "login"})()
	if got := <-e.secrets; got != "first" {
		t.Errorf("the source read %q, want first", got)
	}
	e.put("second")
	if got := <-e.secrets; got != "second" { // The next poll is far away.
		t.Errorf("the source read %q, want second", got)
	}
}

func testKindThatCannotUsePodIdentityIsNotOpened(t *testing.T) {
	e := newSourceEnv(t)
	e.limited = true
	e.define("identity", v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityAWS}})
	defer e.run(nil, &v1alpha1.AuthenticationRef{Name: "identity"})()
	want := "asker cannot use the podIdentity aws of its authentication by itself: " + bridgeaddr.Requirement + ", or use a password"
	if event := e.event(); event.Err == nil || event.Err.Error() != want || len(e.opened) > 0 {
		t.Errorf("got the event %+v, want the error %s", event, want)
	}
}

func testBridgeReadsTriggerWithPodIdentity(t *testing.T) {
	e := newSourceEnv(t)
	e.limited, e.bridge = true, "unix:///bridge.sock"
	identity := v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityAWS}}
	e.define("identity", identity)
	defer e.run(map[string]string{"hostFromEnv": "HOST", "port": "5432"}, &v1alpha1.AuthenticationRef{Name: "identity"})()
	want := map[string]string{"hostFromEnv": "first", "port": "5432"}
	if got := <-e.bridged; !maps.Equal(got, want) || len(e.opened) > 0 {
		t.Errorf("it is opened with %v, want %v", got, want)
	}
	if event := e.event(); event.Err != nil || event.Value != 7000 {
		t.Errorf("got the event %+v, want the level 7", event)
	}
	e.patch("identity", `{"spec": {"podIdentity": null, "secretTargetRef": [{"parameter": "password", "name": "db", "key": "pw"}]}}`)
	if got := <-e.opened; got.Host != "first" {
		t.Errorf("without the podIdentity it is opened with %+v, want the host first", got)
	}
}

func testBridgeReadsTriggerWithLogin(t *testing.T) {
	e := newSourceEnv(t)
	e.limited, e.bridge = true, "unix:///bridge.sock"
	e.define("kerberos", v1alpha1.TriggerAuthenticationSpec{SecretTargetRef: []v1alpha1.KeyRef{{Parameter: "login", Name: "db", Key: "pw"}}})
	e.put("kerberos\n")
	defer e.run(map[string]string{"host": "first"}, &v1alpha1.AuthenticationRef{Name: "kerberos"})()
	for range 2 {
		if got := <-e.bridged; got["host"] != "first" || len(e.opened) > 0 {
			t.Errorf("it is opened with %v, want the host first, through the bridge", got)
		}
		e.put("password")
		if got := <-e.opened; got.Host != "first" || len(e.bridged) > 0 {
			t.Errorf("it is opened with %+v, want the host first, by the kind itself", got)
		}
		e.put("kerberos")
	}
}

func testSourceIsClosedWhenChangeDemandsBridge(t *testing.T) {
	e := newSourceEnv(t)
	e.limited = true
	e.define("kerberos", v1alpha1.TriggerAuthenticationSpec{SecretTargetRef: []v1alpha1.KeyRef{{Parameter: "login", Name: "db", Key: "pw"}}})
	defer e.run(map[string]string{"host": "first"}, &v1alpha1.AuthenticationRef{Name: "kerberos"})()
	<-e.opened
	e.put("kerberos")
	event := e.event()
	for event.Err == nil {
		event = e.event()
	}
	want := "asker cannot use login kerberos by itself: " + bridgeaddr.Requirement + ", or use a password"
	if event.Err.Error() != want {
		t.Errorf("got the error %v, want %s", event.Err, want)
	}
}

// patch changes a TriggerAuthentication.
func (e *sourceEnv) patch(name, change string) {
	e.t.Helper()
	err := e.ours.Patch(types.MergePatchType).Namespace(e.w.Namespace).Resource("triggerauthentications").Name(name).Body([]byte(change)).Do(e.t.Context()).Error()
	if err != nil {
		e.t.Fatal(err)
	}
}

func testEventSaysThatVaultCouldNotBeReadAgain(t *testing.T) {
	for stale, want := range map[string]scalers.Notice{
		"": {}, "sealed": {Reason: v1alpha1.ReasonVaultNotRead, Text: "the values of the vault that were read last are used: sealed"},
	} {
		var got scalers.Event
		withNotice(func(e scalers.Event) { got = e }, func() string { return stale })(scalers.Event{Value: 1})
		if got.Notice != want || got.Value != 1 {
			t.Errorf("got %+v, want the notice %+v", got, want)
		}
	}
	own := scalers.Notice{Reason: "ConsumerPaused"}
	withNotice(func(e scalers.Event) {
		if e.Notice != own {
			t.Errorf("got the notice %+v, want the one of the source", e.Notice)
		}
	}, func() string { return "sealed" })(scalers.Event{Notice: own})
}

// put changes the password.
func (e *sourceEnv) put(value string) {
	e.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}, StringData: map[string]string{"pw": value}}
	if _, err := e.kube.CoreV1().Secrets(e.w.Namespace).Update(e.t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		e.t.Fatal(err)
	}
}

// setHost changes the environment variable HOST of the target.
func (e *sourceEnv) setHost(value string) {
	e.t.Helper()
	patch := fmt.Appendf(nil, `{"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "HOST", "value": %q}]}]}}}}`, value)
	_, err := e.kube.AppsV1().Deployments(e.w.Namespace).Patch(e.t.Context(), "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
}

func testSourceIsOpenedAnewWhenEnvironmentVariableInItsMetadataChanges(t *testing.T) {
	e := newSourceEnv(t)
	metadata := map[string]string{"hostFromEnv": "HOST", "port": "80", "passwordFromEnv": "HOST"}
	defer e.run(metadata, nil)()
	for _, want := range []string{"first", "second"} {
		if got := <-e.opened; got != (sourceConfig{want, "80"}) {
			t.Errorf("the source was opened with %+v, want the host %s", got, want)
		}
		if got := <-e.secrets; got != want {
			t.Errorf("the source read the password %q, want %s", got, want)
		}
		if event := e.event(); event.Err != nil || event.Value != 1000 {
			t.Errorf("got the event %+v, want a level of 1", event)
		}
		e.setHost("second")
	}
	e.setHost("top secret")
	event := e.event()
	for event.Err == nil {
		event = e.event()
	}
	if got := event.Err.Error(); !strings.Contains(got, "parameter host is not valid") || strings.Contains(got, "secret") {
		t.Errorf("got error %q, want one that names the parameter and not its value", got)
	}
	e.setHost("third")
	if got := <-e.opened; got.Host != "third" {
		t.Errorf("the source was opened with %+v, want the host third", got)
	}
}
