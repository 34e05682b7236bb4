package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestParts(t *testing.T) {
	t.Run("impossible options are refused with the names of their flags", testImpossibleOptionsAreRefusedWithNamesOfTheirFlags)
	t.Run("services stop one by one, the newest first", testServicesStopOneByOneNewestFirst)
	t.Run("a service that fails ends the process with its name in the error", testServiceThatFailsEndsProcessWithItsNameInError)
	t.Run("a stop that takes too long names the service that delays it", testStopThatTakesTooLongNamesServiceThatDelaysIt)
	t.Run("messages of the libraries are logged at debug level", testMessagesOfLibrariesAreLoggedAtDebugLevel)
}

func testImpossibleOptionsAreRefusedWithNamesOfTheirFlags(t *testing.T) {
	for want, change := range map[string]func(o *Options){
		`--log-level is "loud": expected debug, info, warn or error`: func(o *Options) { o.LogLevel = "loud" },
		`--log-format is "xml": expected text or json`:               func(o *Options) { o.LogFormat = "xml" },
		"--lease-namespace and --lease-name must not be empty":       func(o *Options) { o.LeaseName = "" },
		"--config: stat nowhere: no such file":                       func(o *Options) { o.Config = "nowhere" },
		"--config: open /dev/zero: is a device: a regular file was":  func(o *Options) { o.Config = "/dev/zero" },
		"find the cluster: ":                                                    func(o *Options) { o.Kubeconfig = "nowhere" },
		"read the tokens: ":                                                     func(o *Options) { o.TokensFile = "nowhere" },
		"read the credentials: ":                                                func(o *Options) { o.CredentialsFile = "nowhere" },
		"--tls-cert-file and --tls-key-file belong together":                    func(o *Options) { o.TLS.Cert = "nowhere" },
		"set --peer-advertise, or":                                              func(o *Options) { o.PeerListen = "0.0.0.0:0" },
		"(--peer-listen): ":                                                     func(o *Options) { o.PeerListen = "8444" },
		`--listen is "8080": expected host:port`:                                func(o *Options) { o.Listen = "8080" },
		"--listen 0.0.0.0:0 is reachable from other hosts":                      func(o *Options) { o.Listen = "0.0.0.0:0" },
		"(--health-listen): ":                                                   func(o *Options) { o.HealthListen = "8081" },
		"--admission-listen is for ScaledObjects in the cluster":                func(o *Options) { o.AdmissionListen, o.Config = ":0", "." },
		"--admission-cert-file and --admission-key-file have no effect without": func(o *Options) { o.AdmissionKey = "nowhere" },
		"--admission-cert-file and --admission-key-file belong together":        func(o *Options) { o.AdmissionListen, o.AdmissionKey = ":0", "nowhere" },
		"--admission-cert-file: open nowhere":                                   func(o *Options) { o.AdmissionListen, o.AdmissionKey, o.AdmissionCert = ":0", "nowhere", "nowhere" },
		"--admission-webhook must not be empty":                                 func(o *Options) { o.AdmissionListen, o.AdmissionWebhook = ":0", "" },
		"listen for admission reviews (--admission-listen): ":                   func(o *Options) { o.AdmissionListen = "9443" },
		"--body-memory is 1Mi: expected at least 16Mi":                          func(o *Options) { o.BodyMemory.Quantity = resource.MustParse("1Mi") },
	} {
		o := Defaults()
		o.Listen, o.Kubeconfig, o.LogTo = "127.0.0.1:0", unreachableCluster(t), testkit.NewLog(t)
		change(&o)
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}

// recordedServices starts services, and records the order in which they ended.
type recordedServices struct {
	services

	mu    sync.Mutex
	ended []string
}

func (r *recordedServices) run(ctx context.Context, name string, fail context.CancelCauseFunc, takes time.Duration) {
	r.start(ctx, name, fail, func(ctx context.Context) error {
		<-ctx.Done()
		<-time.After(takes)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = append(r.ended, name)
		return ctx.Err()
	})
}

func testServicesStopOneByOneNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, fail := context.WithCancelCause(t.Context())
		var r recordedServices
		r.run(ctx, "server", fail, 0)
		r.run(ctx, "poller", fail, time.Second)
		r.run(ctx, "leader", fail, 2*time.Second)
		synctest.Wait()
		if len(r.ended) != 0 || ctx.Err() != nil {
			t.Fatalf("before stop, got ended services %v and the error %v of the context, want none", r.ended, ctx.Err())
		}
		fail(nil)
		synctest.Wait()
		if len(r.ended) != 0 {
			t.Fatalf("after the end of the context, and before stop, got ended services %v, want none", r.ended)
		}
		if err := r.stop(time.Minute); err != nil {
			t.Error(err)
		}
		if got := strings.Join(r.ended, " "); got != "leader poller server" {
			t.Errorf("the services ended in the order %q, want \"leader poller server\"", got)
		}
	})
}

func testServiceThatFailsEndsProcessWithItsNameInError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, fail := context.WithCancelCause(t.Context())
		var r recordedServices
		r.run(ctx, "server", fail, 0)
		r.start(ctx, "poller", fail, func(context.Context) error { return errors.New("it is empty") })
		<-ctx.Done()
		if got := context.Cause(ctx).Error(); got != "poller: it is empty" {
			t.Errorf("after a service failed, got the cause %q, want \"poller: it is empty\"", got)
		}
		if err := r.stop(time.Minute); err != nil {
			t.Error(err)
		}
	})
}

func testStopThatTakesTooLongNamesServiceThatDelaysIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, fail := context.WithCancelCause(t.Context())
		var r recordedServices
		r.run(ctx, "server", fail, 0)
		r.run(ctx, "leader", fail, time.Hour)
		began := time.Now()
		err := r.stop(10 * time.Second)
		if err == nil || err.Error() != "leader did not stop within 10s" || time.Since(began) != 10*time.Second {
			t.Errorf("stop returned error %v after %s, want \"leader did not stop within 10s\" after 10s", err, time.Since(began))
		}
		<-time.After(time.Hour) // The bubble waits for all of them.
		synctest.Wait()
		if len(r.ended) != 2 {
			t.Errorf("after the grace, got ended services %v, want 2", r.ended)
		}
	})
}

func testMessagesOfLibrariesAreLoggedAtDebugLevel(t *testing.T) {
	output := testkit.NewLog(t)
	log := slog.New(klogHandler{slog.NewTextHandler(output, nil)}).With("by", "them").WithGroup("more")
	log.Info("chatter")
	log.Error("it broke", "number", 7)
	if got := output.String(); strings.Contains(got, "chatter") || !strings.Contains(got, `level=ERROR msg="it broke" by=them more.number=7`) {
		t.Errorf("got the log\n%swant the error line only", got)
	}
}
