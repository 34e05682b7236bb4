package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/impulse-sh/impulse/internal/control/egress"
	"github.com/impulse-sh/impulse/internal/ingest/httpserver"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/internal/regularfile"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

// minBodyMemory is the minimum of --body-memory, in bytes.
const minBodyMemory = 16 << 20

// ObjectStates and AlertStates are the folders in a StateDir with the statuses of objects and with the alerts.
const (
	ObjectStates = "objects"
	AlertStates  = "alerts"
)

// Options are the options of impulse run.
type Options struct {
	// Cluster selects the cluster.
	config.Cluster

	// Namespace restricts scaling to one namespace; "" means all.
	Namespace string
	// Config is a file or folder of ScaledObjects (file mode, without CRDs); "" means the ScaledObjects of the cluster.
	Config string
	// WatchKEDA scales by KEDA's objects in the cluster, too.
	WatchKEDA bool
	// StateDir is the folder for states that must survive a restart in file mode.
	StateDir string
	// Listen is the address of the HTTP server, and HealthListen the address of a second server for probes only; "" means none.
	Listen, HealthListen string
	// PageListen is the address of the page; "" means none. PageOptional: if it cannot be opened, that is only logged. PagePrefix is the path
	// before all paths of the page.
	PageListen   string
	PageOptional bool
	PagePrefix   string
	// BodyMemory bounds the memory of the bodies of all requests in progress, and of the messages decoded from them, in bytes; 0 means a
	// quarter of the memory limit.
	BodyMemory resource.QuantityValue
	// TokensFile and CredentialsFile contain the accepted credentials. If both are "", requests without
	// credentials are accepted: on loopback, and with both AllowOpen and AllowAnywhere on any address.
	TokensFile, CredentialsFile string
	AllowOpen, AllowAnywhere    bool
	// TLS has the certificate of the server, and the CA certificates that sign client certificates.
	TLS httpserver.TLSFiles
	// PeerListen is the address of the peer endpoint, and PeerAdvertise the address at which other replicas reach it; "" means the same
	// address, or the address of the Pod.
	PeerListen, PeerAdvertise string
	// AdmissionListen is the address of the admission webhook; "" means none. AdmissionCert and AdmissionKey are the files of its certificate;
	// with "" Impulse makes the certificate, for the names in the ValidatingWebhookConfiguration AdmissionWebhook.
	AdmissionListen, AdmissionCert, AdmissionKey, AdmissionWebhook string
	// Sources are addresses to which triggers may connect although they are refused by default.
	Sources egress.Addresses
	// NotificationsFile has the sinks of notifications; "" means none. ClusterName names the cluster in them.
	NotificationsFile, ClusterName string
	// Settings apply to all workloads.
	Settings compile.Settings
	// FilePathRoot is the folder of the files that spec.filePath of authentications names; with "" none may name a file.
	FilePathRoot string
	// KEDABridge is the address of impulse-keda-bridge; "" means none.
	KEDABridge string
	// LeaseNamespace is the namespace of the Lease, whose name is LeaseName, and of the AlertSets.
	LeaseNamespace, LeaseName string
	// OTLPEndpoint is the URL of the collector to which traces are exported; "" means that of OpenTelemetry's environment variables, or none.
	OTLPEndpoint string
	// LogLevel is debug, info, warn or error; LogFormat is text or json.
	LogLevel, LogFormat string
	// LogTo receives the log; nil means standard error.
	LogTo io.Writer
	// Version is the version of the binary.
	Version string
	// Grace bounds the time to stop.
	Grace time.Duration
}

// Defaults returns the default options.
func Defaults() Options {
	return Options{
		Listen: "127.0.0.1:8080", PageListen: "127.0.0.1:8090", PageOptional: true, PeerListen: "127.0.0.1:0", LeaseNamespace: "impulse-system", LeaseName: "impulse", StateDir: "impulse-state", AdmissionWebhook: "impulse",
		Settings: compile.DefaultSettings(),
		LogLevel: "info", LogFormat: "text", Grace: 10 * time.Second,
	}
}

// logger returns the log.
func (o *Options) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		return nil, fmt.Errorf("--log-level is %q: expected debug, info, warn or error", o.LogLevel)
	}
	to := o.LogTo
	if to == nil {
		to = os.Stderr
	}
	to = printable.NewWriter(to) // The JSON handler does not escape all characters that a terminal interprets.
	options := &slog.HandlerOptions{Level: level}
	switch o.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(to, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(to, options)), nil
	default:
		return nil, fmt.Errorf("--log-format is %q: expected text or json", o.LogFormat)
	}
}

// validate returns all mistakes in the options that need no I/O beside a look at --config.
func (o *Options) validate() error {
	var wrong []error
	if o.LeaseNamespace == "" || o.LeaseName == "" {
		wrong = append(wrong, errors.New("--lease-namespace and --lease-name must not be empty"))
	}
	if n := o.BodyMemory.Value(); n != 0 && n < minBodyMemory {
		wrong = append(wrong, fmt.Errorf("--body-memory is %s: expected at least 16Mi, because one body may have 8Mi", &o.BodyMemory.Quantity))
	}
	if o.WatchKEDA && o.Config != "" {
		wrong = append(wrong, errors.New("--watch-keda keeps ScaledObjects in the cluster, which --config replaces; a folder may hold KEDA's objects themselves"))
	}
	wrong = append(wrong, o.validateAdmission())
	if problems := validation.IsValidLabelValue(o.ClusterName); len(problems) > 0 {
		wrong = append(wrong, fmt.Errorf("--cluster-name is %q: %s", o.ClusterName, problems[0]))
	}
	if o.KEDABridge != "" {
		if _, err := bridgeaddr.Parse(o.KEDABridge); err != nil {
			wrong = append(wrong, fmt.Errorf("--keda-bridge: %w", err))
		}
	}
	if o.Config != "" {
		info, err := os.Stat(o.Config)
		if err == nil && !info.IsDir() {
			err = regularfile.Check(o.Config, info)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("--config: %w", err))
		}
	}
	return errors.Join(wrong...)
}

// validateAdmission returns the mistakes in the options of the admission webhook.
func (o *Options) validateAdmission() error {
	files := o.AdmissionCert != "" || o.AdmissionKey != ""
	switch {
	case o.AdmissionListen == "" && files:
		return errors.New("--admission-cert-file and --admission-key-file have no effect without --admission-listen")
	case o.AdmissionListen == "":
		return nil
	case o.Config != "":
		return errors.New("--admission-listen is for ScaledObjects in the cluster, which --config replaces; impulse check reads files")
	case files && (o.AdmissionCert == "" || o.AdmissionKey == ""):
		return errors.New("--admission-cert-file and --admission-key-file belong together")
	case !files && o.AdmissionWebhook == "":
		return errors.New("--admission-webhook must not be empty: the certificate is made for the names in it")
	}
	return nil
}
