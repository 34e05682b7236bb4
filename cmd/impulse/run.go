package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/impulse-sh/impulse/internal/control/app"
)

func runCommand() *cobra.Command {
	o := app.Defaults()
	o.Version = version
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Scale workloads by the ScaledObjects of a cluster, or of files",
		Example: `  # Scale by the ScaledObjects of the cluster in your kubeconfig
  impulse run

  # Only those of one namespace, with the Lease and the alerts in it
  impulse run --namespace shop --lease-namespace shop

  # Write no counts: the status and the log show what would be done
  impulse run --dry-run

  # Without CRDs: read ScaledObjects from files, and follow their changes
  impulse run --config ./scaledobjects/ --state-dir /var/lib/impulse`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.PageOptional = !cmd.Flags().Changed("page-listen")
			return app.Run(cmd.Context(), o)
		},
	}
	bindConnection(cmd, &o.Cluster, clientcmd.FlagTimeout) // It would end each watch.
	f := cmd.Flags()
	f.StringVarP(&o.Namespace, "namespace", "n", o.Namespace, "scale only workloads of this namespace (default: all)")
	f.StringVar(&o.Config, "config", o.Config, "file or folder of ScaledObjects, instead of those in the cluster")
	f.BoolVar(&o.WatchKEDA, "watch-keda", false, "scale by the ScaledObjects and authentications of keda.sh as well, in place of KEDA's operator: each leads to an object of impulse.sh with its name. It needs KEDA's CRDs, and the permissions in deploy/manifests/keda.yaml")
	f.StringVar(&o.StateDir, "state-dir", o.StateDir, "with --config: folder for states that must survive a restart")
	f.BoolVar(&o.Settings.DryRun, "dry-run", false, "decide and report, but write no replica counts (statuses, Events and alerts are written)")
	f.DurationVar(&o.Settings.CPUInitializationPeriod, "cpu-initialization-period", o.Settings.CPUInitializationPeriod, "time after the start of a pod during which its cpu counts only if the pod is ready")
	f.DurationVar(&o.Settings.InitialReadinessDelay, "initial-readiness-delay", o.Settings.InitialReadinessDelay, "time after the start of a pod during which a pod that becomes unready counts as one that was never ready")
	f.Var(&o.Sources, "allow-source-addresses", "CIDRs, such as 127.0.0.0/8,::1, that triggers may connect to although they are refused by default: link-local addresses, metadata services of clouds and, without --config, this machine")
	f.StringVar(&o.FilePathRoot, "filepath-root", o.FilePathRoot, "folder of the files that spec.filePath of authentications names: of a ClusterTriggerAuthentication any, of a TriggerAuthentication those below the folder of its namespace (default: no files)")
	f.StringVar(&o.NotificationsFile, "notifications-file", o.NotificationsFile, "YAML file with sinks of notifications, over HTTP or NATS: docs/notifications.md; a changed file is reloaded (default: none)")
	f.StringVar(&o.ClusterName, "cluster-name", o.ClusterName, "name of the cluster in notifications (default: none)")
	f.StringVar(&o.KEDABridge, "keda-bridge", o.KEDABridge, "address of impulse-keda-bridge, which reads the triggers with KEDA's types that Impulse does not have itself: unix:///PATH, or IP:PORT of this machine (default: such triggers are unknown)")
	f.StringVar(&o.Listen, "listen", o.Listen, "address of the HTTP server: webhooks, probes and metrics")
	f.StringVar(&o.HealthListen, "health-listen", o.HealthListen, "address of a second, plain HTTP server for /healthz and /readyz only, which the load of senders does not slow down (default: none; --listen serves them, too)")
	f.StringVar(&o.PageListen, "page-listen", o.PageListen, "address of the page that shows all objects, read-only, with the same credentials (empty: none). If the default address is in use, there is no page, and a warning is logged")
	f.StringVar(&o.PagePrefix, "page-prefix", o.PagePrefix, "path before all paths of the page, such as /impulse, which a proxy may remove or leave (default: none; a proxy that removes it needs no flag)")
	f.Var(&o.BodyMemory, "body-memory", "memory for the bodies of all requests in progress and for the messages decoded from them, such as 128Mi (default: a quarter of the memory limit)")
	f.StringVar(&o.TokensFile, "tokens-file", o.TokensFile, "file with accepted bearer tokens, one per line: TOKEN, or NAMESPACE=TOKEN for one namespace")
	f.StringVar(&o.CredentialsFile, "credentials-file", o.CredentialsFile, "YAML file with accepted credentials: tokens, passwords and client certificates, each with a name and its namespaces")
	f.BoolVar(&o.AllowOpen, "allow-unauthenticated", o.AllowOpen, "with --allow-unauthenticated-from-anywhere: listen on an address that is not loopback without --tokens-file and --credentials-file, and accept all requests; alone it has no effect. Loopback needs neither flag. With one of those files, only webhook triggers that verify a signature accept requests without credentials")
	f.BoolVar(&o.AllowAnywhere, "allow-unauthenticated-from-anywhere", o.AllowAnywhere, "confirm --allow-unauthenticated: everybody who can reach the address of --listen can then scale")
	f.StringVar(&o.TLS.Cert, "tls-cert-file", o.TLS.Cert, "PEM file with the certificate of the server and its intermediate certificates; a changed file is reloaded")
	f.StringVar(&o.TLS.Key, "tls-key-file", o.TLS.Key, "PEM file with the private key of the certificate")
	f.StringVar(&o.TLS.ClientCA, "client-ca-file", o.TLS.ClientCA, "PEM file with the CA certificates that verify client certificates; --credentials-file has the accepted names and their namespaces")
	f.StringVar(&o.PeerListen, "peer-listen", o.PeerListen, "address on which other replicas forward requests to this one while it leads (port 0: any)")
	f.StringVar(&o.PeerAdvertise, "peer-advertise", o.PeerAdvertise, "HOST or HOST:PORT at which other replicas reach --peer-listen (default: that address, or $IMPULSE_POD_IP)")
	f.StringVar(&o.AdmissionListen, "admission-listen", o.AdmissionListen, "address of the admission webhook, such as 0.0.0.0:9443, to which the API server sends objects before it stores them (default: none)")
	f.StringVar(&o.AdmissionWebhook, "admission-webhook", o.AdmissionWebhook, "name of the ValidatingWebhookConfiguration: the leader makes and renews the certificate for the names in it, in the Secret impulse-admission, and writes its caBundle")
	f.StringVar(&o.AdmissionCert, "admission-cert-file", o.AdmissionCert, "PEM file with the certificate of the admission webhook, which another program renews, such as cert-manager; a changed file is reloaded (default: Impulse makes the certificate)")
	f.StringVar(&o.AdmissionKey, "admission-key-file", o.AdmissionKey, "PEM file with the private key of --admission-cert-file")
	f.StringVar(&o.LeaseNamespace, "lease-namespace", o.LeaseNamespace, "namespace of the Lease and of the alerts")
	f.StringVar(&o.LeaseName, "lease-name", o.LeaseName, "name of the Lease")
	bindTelemetry(f, &o)
	return cmd
}

// bindTelemetry binds the flags of traces and of the log.
func bindTelemetry(f *pflag.FlagSet, o *app.Options) {
	f.StringVar(&o.OTLPEndpoint, "otlp-endpoint", o.OTLPEndpoint, "URL of an OpenTelemetry collector, such as http://otel-collector.monitoring:4317, to which traces are exported by OTLP: over gRPC at port 4317, otherwise over HTTP (default: that of $OTEL_EXPORTER_OTLP_ENDPOINT, or no traces)")
	f.StringVar(&o.LogLevel, "log-level", o.LogLevel, "log level: debug, info, warn or error")
	f.StringVar(&o.LogFormat, "log-format", o.LogFormat, "log format: text or json")
}
