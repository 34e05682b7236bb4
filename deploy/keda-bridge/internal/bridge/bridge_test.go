package bridge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/metrics/pkg/apis/external_metrics"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/kedatypes"
)

func TestServer(t *testing.T) {
	t.Run("a scaler is kept, and replaced and closed when the credentials change", testScalerIsReplacedWhenCredentialsChange)
	t.Run("an error, a panic and no number have their codes, and the scaler is closed", testFaultsHaveCodes)
	t.Run("a hung scaler delays only its own trigger", testHungScalerDelaysOnlyItsOwnTrigger)
	t.Run("an unused scaler is closed, and all of them at the end", testUnusedScalerIsClosed)
	t.Run("no error repeats a credential", testNoErrorRepeatsCredential)
	t.Run("an empty answer is an error unless the user asks for 0", testEmptyAnswerIsErrorUnlessUserAsksForZero)
	t.Run("a scaler gets the podIdentity, and is replaced when it changes", testScalerGetsPodIdentity)
	t.Run("another version and an unknown type are refused", testAnotherVersionIsRefused)
}

// env has fake scalers, for faults.
type env struct {
	server *Server
	now    time.Time

	mu           sync.Mutex
	made, closed int
	answer       func(ctx context.Context, config *scalersconfig.ScalerConfig) (*resource.Quantity, error)
}

func newEnv() *env {
	e := &env{now: time.Unix(1000, 0)}
	e.answers(func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
		return resource.NewMilliQuantity(1500, resource.DecimalSI), nil
	})
	e.server = New(map[string]kedatypes.Constructor{"fake": e.construct})
	e.server.pool.now = func() time.Time { return e.now }
	return e
}

func (e *env) answers(answer func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

// counts returns how many scalers were constructed and closed.
func (e *env) counts() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprintf("%d made, %d closed", e.made, e.closed)
}

func (e *env) construct(_ context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.made++
	return &fakeScaler{e, config}, nil
}

// fakeScaler is one scaler.
type fakeScaler struct {
	env    *env
	config *scalersconfig.ScalerConfig
}

func (s *fakeScaler) GetMetricSpecForScaling(context.Context) []autoscalingv2.MetricSpec {
	return []autoscalingv2.MetricSpec{{External: &autoscalingv2.ExternalMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: "s0-fake"}, Target: autoscalingv2.MetricTarget{AverageValue: resource.NewQuantity(5, resource.DecimalSI)},
	}}}
}

func (s *fakeScaler) GetMetricsAndActivity(ctx context.Context, _ string) ([]external_metrics.ExternalMetricValue, bool, error) {
	s.env.mu.Lock()
	answer := s.env.answer
	s.env.mu.Unlock()
	value, err := answer(ctx, s.config)
	if err != nil || value == nil {
		return nil, false, err
	}
	return []external_metrics.ExternalMetricValue{{Value: *value}}, true, nil
}

func (s *fakeScaler) Close(context.Context) error {
	s.env.mu.Lock()
	defer s.env.mu.Unlock()
	s.env.closed++
	return nil
}

func request(trigger, password string) *bridgeapi.ReadRequest {
	return &bridgeapi.ReadRequest{
		Version: bridgeapi.Version_VERSION_CURRENT, Type: "fake", Namespace: "shop", Object: "orders", Trigger: trigger,
		Parameters: map[string][]byte{"password": []byte(password)},
	}
}

func testScalerIsReplacedWhenCredentialsChange(t *testing.T) {
	e := newEnv()
	for i, want := range []string{"1 made, 0 closed", "1 made, 0 closed", "2 made, 1 closed"} {
		answer, err := e.server.Read(t.Context(), request("a", []string{"first", "first", "second"}[i]))
		if err != nil {
			t.Fatal(err)
		}
		if m := answer.GetMetrics()[0]; m.GetValue() != "1.500" || m.GetTarget() != "5" || !answer.GetActive() {
			t.Errorf("got %v, want 1.500 with the target 5, and active", answer)
		}
		e.awaitIdle(t)
		if got := e.counts(); got != want {
			t.Errorf("reading %d: got %s, want %s", i, got, want)
		}
	}
}

// awaitIdle waits until no reading is running.
func (e *env) awaitIdle(t *testing.T) {
	t.Helper()
	e.server.pool.ended.Wait()
}

// keda answers with a level as most of KEDA's scalers do.
func keda(level float64) func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
	return func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
		return new(scalers.GenerateMetricInMili("s0-fake", level).Value), nil
	}
}

func testFaultsHaveCodes(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error)
		want   codes.Code
	}{
		"an error": {func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
			return nil, errors.New("404")
		}, codes.Unavailable},
		"a panic":                     {func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) { panic("oh") }, codes.Internal},
		"no value":                    {func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) { return nil, nil }, codes.Unavailable}, //nolint:nilnil // KEDA's scalers may.
		"NaN by KEDA's function":      {keda(math.NaN()), codes.Unavailable},
		"infinite by KEDA's function": {keda(math.Inf(1)), codes.Unavailable},
		"negative by KEDA's function": {keda(-1), codes.Unavailable},
		"0 by KEDA's function":        {keda(0), codes.OK},
		"NaN in thousandths": {func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
			return resource.NewMilliQuantity(math.MinInt64, resource.DecimalSI), nil
		}, codes.Unavailable},
		"too large for a number": {func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
			return resource.NewQuantity(math.MaxInt64, resource.DecimalSI), nil
		}, codes.Unavailable},
	} {
		e := newEnv()
		e.answers(c.answer)
		answer, err := e.server.Read(t.Context(), request("a", "x"))
		e.awaitIdle(t)
		counts := "1 made, 1 closed"
		if c.want == codes.OK {
			counts = "1 made, 0 closed"
		}
		if status.Code(err) != c.want || e.counts() != counts {
			t.Errorf("%s: got %v, the error %v, and %s; want the code %s and %s", name, answer, err, e.counts(), c.want, counts)
		}
	}
}

func testHungScalerDelaysOnlyItsOwnTrigger(t *testing.T) {
	e := newEnv()
	hangs, hung := make(chan struct{}, 2), make(chan struct{})
	e.answers(func(_ context.Context, config *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
		if config.TriggerName == "hangs" {
			hangs <- struct{}{}
			<-hung
		}
		return resource.NewQuantity(1, resource.DecimalSI), nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hangs
		cancel()
	}()
	if _, err := e.server.Read(ctx, request("hangs", "x")); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got the error %v, want the code DeadlineExceeded", err)
	}
	if _, err := e.server.Read(t.Context(), request("hangs", "x")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("while it hangs: got the error %v, want the code ResourceExhausted", err)
	}
	if _, err := e.server.Read(t.Context(), request("other", "x")); err != nil {
		t.Errorf("another trigger: got the error %v, want none", err)
	}
	e.server.pool.close()
	close(hung)
	e.awaitIdle(t)
	if got := e.counts(); got != "2 made, 2 closed" {
		t.Errorf("at the end: got %s, want all closed", got)
	}
}

func testUnusedScalerIsClosed(t *testing.T) {
	e := newEnv()
	for _, trigger := range []string{"a", "b"} {
		if _, err := e.server.Read(t.Context(), request(trigger, "x")); err != nil {
			t.Fatal(err)
		}
		e.awaitIdle(t)
		e.now = e.now.Add(maxUnused/2 + time.Second)
	}
	e.server.pool.closeUnused()
	if got := e.counts(); got != "2 made, 1 closed" {
		t.Errorf("got %s, want the older one closed", got)
	}
	e.server.pool.close()
	if _, err := e.server.Read(t.Context(), request("c", "x")); err == nil || e.counts() != "2 made, 2 closed" {
		t.Errorf("at the end: got %s and the error %v, want all closed and an error", e.counts(), err)
	}
}

func testNoErrorRepeatsCredential(t *testing.T) {
	for _, secret := range []string{
		"hunter2!", "AccountName=shop;AccountKey=c2VjcmV0/Cg==;", "amqp://user:pass+word@broker:5672/", "-----BEGIN KEY-----\nMIIEvQ\n-----END KEY-----",
	} {
		for _, repeated := range forms(secret) {
			e := newEnv()
			e.answers(func(context.Context, *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
				return nil, fmt.Errorf("dial %s: refused", repeated)
			})
			_, err := e.server.Read(t.Context(), request("a", secret))
			if err == nil || strings.Contains(err.Error(), repeated) || !strings.Contains(err.Error(), "refused") {
				t.Errorf("got the error %v, want it without the credential", err)
			}
		}
	}
}

func testEmptyAnswerIsErrorUnlessUserAsksForZero(t *testing.T) {
	r := &bridgeapi.ReadRequest{Type: "loki", Metadata: map[string]string{"query": "x"}}
	if got := configOf(r).TriggerMetadata; got["ignoreNullValues"] != "false" || got["query"] != "x" {
		t.Errorf("by default: got %v, want ignoreNullValues false", got)
	}
	r.Metadata["ignoreNullValues"] = "true"
	if got := configOf(r).TriggerMetadata; got["ignoreNullValues"] != "true" {
		t.Errorf("the user asks for 0: got %v, want ignoreNullValues true", got)
	}
}

func testScalerGetsPodIdentity(t *testing.T) {
	e := newEnv()
	var got kedav1alpha1.AuthPodIdentity
	e.answers(func(_ context.Context, config *scalersconfig.ScalerConfig) (*resource.Quantity, error) {
		got = config.PodIdentity
		return resource.NewQuantity(1, resource.DecimalSI), nil
	})
	r := request("a", "x")
	for _, c := range []struct {
		identity *bridgeapi.PodIdentity
		want     kedav1alpha1.AuthPodIdentity
		counts   string
	}{
		{nil, kedav1alpha1.AuthPodIdentity{Provider: kedav1alpha1.PodIdentityProviderNone}, "1 made, 0 closed"},
		{
			&bridgeapi.PodIdentity{Provider: "aws", RoleArn: "arn", ExternalId: "x", IdentityOwner: "keda"},
			kedav1alpha1.AuthPodIdentity{Provider: "aws", RoleArn: new("arn"), ExternalID: new("x"), IdentityOwner: new("keda")},
			"2 made, 1 closed",
		},
		{
			&bridgeapi.PodIdentity{Provider: "azure-workload", IdentityId: "id", IdentityTenantId: "tenant", IdentityAuthorityHost: "https://login.example"},
			kedav1alpha1.AuthPodIdentity{
				Provider: "azure-workload", IdentityID: new("id"), IdentityTenantID: new("tenant"), IdentityAuthorityHost: new("https://login.example"),
			},
			"3 made, 2 closed",
		},
	} {
		r.PodIdentity = c.identity
		if _, err := e.server.Read(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		e.awaitIdle(t)
		if !reflect.DeepEqual(got, c.want) || e.counts() != c.counts {
			t.Errorf("%v: got %+v and %s, want %+v and %s", c.identity, got, e.counts(), c.want, c.counts)
		}
	}
}

func testAnotherVersionIsRefused(t *testing.T) {
	e := newEnv()
	old := request("a", "x")
	old.Version = 9
	_, err := e.server.Read(t.Context(), old)
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "version 4 of the protocol, and Impulse version 9") {
		t.Errorf("got the error %v, want both versions", err)
	}
	unknown := request("a", "x")
	unknown.Type = "nope"
	if _, err := e.server.Read(t.Context(), unknown); status.Code(err) != codes.Unimplemented {
		t.Errorf("got the error %v, want the code Unimplemented", err)
	}
	if n := len(kedatypes.All()); n != 64 { // The 59 that Impulse does not have, and five with logins that it does not have.
		t.Errorf("got %d types, want 64", n)
	}
}
