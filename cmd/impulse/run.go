package main

import (
	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/control/app"
)

func runCommand() *cobra.Command {
	o := app.Defaults()
	o.Version = version
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Scale workloads: from the ScaledObjects of a cluster, or of files",
		Example: `  # Scale what the ScaledObjects in the cluster of your kubeconfig say
  impulse run

  # Only those of one namespace, with the Lease and the alerts in it
  impulse run --namespace shop --lease-namespace shop

  # Look on for a while: what would be done is in the status and the log
  impulse run --dry-run

  # Without a CRD: ScaledObjects come from files, and changes are taken up
  impulse run --config ./scaledobjects/ --state-dir /var/lib/impulse`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return app.Run(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig, "kubeconfig file (default: $KUBECONFIG, ~/.kube/config, or the Pod's service account)")
	f.StringVar(&o.Context, "context", o.Context, "context of the kubeconfig")
	f.StringVarP(&o.Namespace, "namespace", "n", o.Namespace, "scale only what is in this namespace (default: all)")
	f.StringVar(&o.Config, "config", o.Config, "file or folder of ScaledObjects, instead of those in the cluster")
	f.StringVar(&o.StateDir, "state-dir", o.StateDir, "with --config: folder of what must survive a restart")
	f.BoolVar(&o.Settings.DryRun, "dry-run", false, "decide and report, and write no count (status, Events and alerts are written)")
	f.DurationVar(&o.Settings.CPUInitializationPeriod, "cpu-initialization-period", o.Settings.CPUInitializationPeriod, "how long after its start a pod's cpu is looked at with care")
	f.DurationVar(&o.Settings.InitialReadinessDelay, "initial-readiness-delay", o.Settings.InitialReadinessDelay, "how long after its start a pod may become unready and still count as never ready")
	f.Var(&o.Sources, "allow-source-addresses", "addresses that triggers may connect to although they are refused by default: link-local ones, metadata services of clouds and, without --config, this machine itself; CIDRs such as 127.0.0.0/8,::1")
	f.StringVar(&o.Listen, "listen", o.Listen, "address of webhooks, health and metrics")
	f.StringVar(&o.HealthListen, "health-listen", o.HealthListen, "address for probes only, as plain HTTP: /healthz and /readyz are answered there whatever senders do (default: none; --listen answers them, too)")
	f.Var(&o.BodyMemory, "body-memory", "memory for the bodies of all requests in flight, decoded, such as 128Mi (default: a quarter of the memory limit)")
	f.StringVar(&o.TokensFile, "tokens-file", o.TokensFile, "bearer tokens that let a request in, one a line: TOKEN, or NAMESPACE=TOKEN for one namespace")
	f.StringVar(&o.CredentialsFile, "credentials-file", o.CredentialsFile, "YAML list of who may knock where: tokens, passwords and client certificates, each with a name and its namespaces")
	f.BoolVar(&o.AllowOpen, "allow-unauthenticated", o.AllowOpen, "without a file of credentials, ask nobody for one; beyond loopback only together with --allow-unauthenticated-from-anywhere")
	f.BoolVar(&o.AllowAnywhere, "allow-unauthenticated-from-anywhere", o.AllowAnywhere, "with --allow-unauthenticated: on any address, so that anybody who reaches it can scale")
	f.StringVar(&o.TLS.Cert, "tls-cert-file", o.TLS.Cert, "certificate of the server, with those that lead to its authority; a changed file is taken up")
	f.StringVar(&o.TLS.Key, "tls-key-file", o.TLS.Key, "key of the certificate")
	f.StringVar(&o.TLS.ClientCA, "client-ca-file", o.TLS.ClientCA, "authorities of client certificates: a client may show one, and the credentials say what it opens")
	f.StringVar(&o.PeerListen, "peer-listen", o.PeerListen, "address where other replicas pass on to this one, while it leads, what they were sent (port 0: any)")
	f.StringVar(&o.PeerAdvertise, "peer-advertise", o.PeerAdvertise, "how other replicas reach that address, HOST or HOST:PORT (default: the address itself, or $POD_IP)")
	f.StringVar(&o.LeaseNamespace, "lease-namespace", o.LeaseNamespace, "namespace of the Lease and of the alerts")
	f.StringVar(&o.LeaseName, "lease-name", o.LeaseName, "name of the Lease")
	f.StringVar(&o.LogLevel, "log-level", o.LogLevel, "debug, info, warn or error")
	f.StringVar(&o.LogFormat, "log-format", o.LogFormat, "text or json")
	return cmd
}
