// Package app wires Impulse together: it starts everything in order, and stops it in the opposite one.
package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/internal/control/egress"
	"github.com/impulse-sh/impulse/internal/ingest/httpserver"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/internal/regularfile"
)

// minBodyMemory is the least that bodies may be given, in bytes.
const minBodyMemory = 16 << 20

// ObjectStates and AlertStates are the folders within a StateDir: of the statuses of objects, and of the alerts.
const (
	ObjectStates = "objects"
	AlertStates  = "alerts"
)

// Options are what `impulse run` can be told.
type Options struct {
	// Kubeconfig and Context choose the cluster; both empty means the usual places, or the Pod's own service account.
	Kubeconfig, Context string
	// Namespace restricts what is scaled; "" is every namespace.
	Namespace string
	// Config is a file or folder of ScaledObjects: file mode, without a CRD; "" is cluster mode.
	Config string
	// StateDir keeps what must survive a restart in file mode.
	StateDir string
	// Listen is the address of the HTTP server, and HealthListen a second one for probes only; "" is none.
	Listen, HealthListen string
	// BodyMemory bounds what the bodies of requests take in memory, decoded; 0 is a quarter of the memory limit.
	BodyMemory resource.QuantityValue
	// TokensFile and CredentialsFile hold who may knock. Without them the server listens on loopback only, unless
	// AllowOpen and AllowAnywhere both say that anybody may.
	TokensFile, CredentialsFile string
	AllowOpen, AllowAnywhere    bool
	// TLS is the server's certificate, and who signs those of clients.
	TLS httpserver.TLSFiles
	// PeerListen is where other replicas pass on what they were sent, and PeerAdvertise how they reach it; "" is found out.
	PeerListen, PeerAdvertise string
	// Sources are addresses that triggers may connect to although they are refused by default.
	Sources egress.Addresses
	// Settings are those of all workloads.
	Settings compile.Settings
	// LeaseNamespace and LeaseName are where the Lease is, and the alerts.
	LeaseNamespace, LeaseName string
	// LogLevel is debug, info, warn or error; LogFormat is text or json.
	LogLevel, LogFormat string
	// LogTo is where the log goes; nil is the standard error.
	LogTo io.Writer
	// Version is that of the binary.
	Version string
	// Grace bounds how long a stop may take.
	Grace time.Duration
}

// Defaults are the options of a user who said nothing.
func Defaults() Options {
	return Options{
		Listen: "127.0.0.1:8080", PeerListen: "127.0.0.1:0", LeaseNamespace: "impulse-system", LeaseName: "impulse", StateDir: "impulse-state",
		Settings: compile.DefaultSettings(),
		LogLevel: "info", LogFormat: "text", Grace: 10 * time.Second,
	}
}

// logger makes the log.
func (o *Options) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		return nil, fmt.Errorf("--log-level is %q: expected debug, info, warn or error", o.LogLevel)
	}
	to := o.LogTo
	if to == nil {
		to = os.Stderr
	}
	to = printable.NewWriter(to) // JSON leaves characters as they are that a terminal interprets.
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

// validate refuses what cannot work.
func (o *Options) validate() error {
	var wrong []error
	if o.LeaseNamespace == "" || o.LeaseName == "" {
		wrong = append(wrong, errors.New("--lease-namespace and --lease-name must not be empty"))
	}
	if n := o.BodyMemory.Value(); n != 0 && n < minBodyMemory {
		wrong = append(wrong, fmt.Errorf("--body-memory is %s: expected at least 16Mi, a body of alerts alone may have 8Mi", &o.BodyMemory.Quantity))
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
