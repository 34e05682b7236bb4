// Command kube-controller-manager runs Kubernetes' own controllers, and only those that a sandbox needs: the stock program
// of this name links every controller, with the volume plugins and the parts of the kubelet that those need, and takes
// four times as long to compile. It has those flags of the stock program that the sandbox sets.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
)

// options are the values of the flags; each has the meaning of the stock program.
type options struct {
	kubeconfig          string
	bindAddress         string
	securePort          int
	certFile, keyFile   string
	serviceAccountKey   string
	rootCA              string
	hpaSyncPeriod       time.Duration
	qps                 float64
	burst               int
	leaderElect         bool
	serviceAccountCreds bool
}

func main() {
	o, printVersion := parse(os.Args[1:])
	if printVersion {
		fmt.Println("Kubernetes", version.Get().GitVersion)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		klog.ErrorS(err, "The controller manager ended")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

func parse(args []string) (o options, printVersion bool) {
	f := flag.NewFlagSet("kube-controller-manager", flag.ExitOnError)
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "file with the address and the credentials of the API server")
	f.StringVar(&o.bindAddress, "bind-address", "127.0.0.1", "address on which /healthz is served")
	f.IntVar(&o.securePort, "secure-port", 10257, "port on which /healthz is served")
	f.StringVar(&o.certFile, "tls-cert-file", "", "certificate of the server")
	f.StringVar(&o.keyFile, "tls-private-key-file", "", "key of the server's certificate")
	f.StringVar(&o.serviceAccountKey, "service-account-private-key-file", "", "key that signs the tokens of service accounts")
	f.StringVar(&o.rootCA, "root-ca-file", "", "certificate authority that is published to every namespace")
	f.DurationVar(&o.hpaSyncPeriod, "horizontal-pod-autoscaler-sync-period", 15*time.Second, "how often HorizontalPodAutoscalers decide")
	f.Float64Var(&o.qps, "kube-api-qps", 20, "requests a second to the API server, for each controller")
	f.IntVar(&o.burst, "kube-api-burst", 30, "requests at once to the API server, for each controller")
	f.BoolVar(&o.leaderElect, "leader-elect", false, "not supported here: one controller manager runs")
	f.BoolVar(&o.serviceAccountCreds, "use-service-account-credentials", true, "always so: each controller has its own service account")
	f.String("flex-volume-plugin-dir", "", "has no effect: there are no volume plugins")
	printed := f.Bool("version", false, "print the version and exit")
	_ = f.Parse(args) // ExitOnError.
	return o, *printed
}

// run starts every controller and returns when ctx is done and all have ended.
func run(ctx context.Context, o options) error {
	if o.leaderElect || !o.serviceAccountCreds {
		return fmt.Errorf("--leader-elect and --use-service-account-credentials=false are not supported")
	}
	stopServing, err := serveHealth(ctx, o)
	if err != nil {
		return err
	}
	defer stopServing()
	c, err := newCluster(ctx, o)
	if err != nil {
		return err
	}
	return c.run(ctx)
}
