package plane

import (
	"cmp"
	"net"
	"strconv"
	"time"
)

func (l *layout) etcdComponent() component {
	client, peer := "http://"+l.etcd, "http://"+l.etcdPeer
	return component{
		Spec: l.spec(Etcd,
			"--name=sandbox",
			"--data-dir="+l.path("etcd"),
			"--listen-client-urls="+client,
			"--advertise-client-urls="+client,
			"--listen-peer-urls="+peer,
			"--initial-advertise-peer-urls="+peer,
			"--initial-cluster=sandbox="+peer,
			"--unsafe-no-fsync="+strconv.FormatBool(l.UnsafeNoFsync),
			"--log-level=warn",
		),
		ready: client + "/readyz",
	}
}

func (l *layout) apiserverComponent() component {
	return component{
		Spec: l.spec(APIServer, append(l.serving(l.apiserver),
			"--etcd-servers=http://"+l.etcd,
			"--advertise-address=127.0.0.1",
			"--endpoint-reconciler-type=none", // A loopback address cannot be an endpoint.
			"--allow-privileged=true",
			"--authorization-mode=Node,RBAC",
			"--client-ca-file="+l.cert("ca.crt"),
			"--requestheader-client-ca-file="+l.cert("ca.crt"), // From here: for the aggregated API of metrics-server.
			"--requestheader-allowed-names="+proxyName,
			"--requestheader-username-headers=X-Remote-User",
			"--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file="+l.cert("front-proxy.crt"),
			"--proxy-client-key-file="+l.cert("front-proxy.key"),
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file="+l.cert("service-accounts.key"),
			"--service-account-signing-key-file="+l.cert("service-accounts.key"),
			"--service-cluster-ip-range="+serviceRange,
		)...),
		after: []string{Etcd},
		ready: "https://" + l.apiserver + "/readyz",
	}
}

func (l *layout) controllerManagerComponent() component {
	return component{
		Spec: l.spec(ControllerManager, append(l.serving(l.controllerManager),
			"--kubeconfig="+l.kubeconfig("controller-manager"),
			"--leader-elect=false",
			"--use-service-account-credentials=true",
			"--service-account-private-key-file="+l.cert("service-accounts.key"),
			"--root-ca-file="+l.cert("ca.crt"),
			"--flex-volume-plugin-dir="+l.path("tmp"), // By default it makes a folder in the system's own.
			"--horizontal-pod-autoscaler-sync-period="+cmp.Or(l.HPASyncPeriod, defaultHPASyncPeriod).String(),
			"--kube-api-qps=500",
			"--kube-api-burst=1000",
		)...),
		after: []string{APIServer},
		ready: "https://" + l.controllerManager + "/healthz",
	}
}

func (l *layout) schedulerComponent() component {
	return component{
		Spec: l.spec(Scheduler, append(l.serving(l.scheduler),
			"--kubeconfig="+l.kubeconfig("scheduler"),
			"--leader-elect=false",
			"--kube-api-qps=500",
			"--kube-api-burst=1000",
		)...),
		after: []string{APIServer},
		ready: "https://" + l.scheduler + "/healthz",
	}
}

// defaultHPASyncPeriod is Kubernetes' own.
const defaultHPASyncPeriod = 15 * time.Second

// kwokComponent simulates the kubelets: nodes and pods become Ready at once, and metrics-server gets their usage.
func (l *layout) kwokComponent() component {
	host, port, _ := net.SplitHostPort(l.kwok) // Ours: always right.
	return component{
		Spec: l.spec(Kwok,
			"--kubeconfig="+l.kubeconfig("kwok"),
			"--config="+l.path("kwok.yaml"),
			"--manage-all-nodes=true",
			"--server-address="+l.kwok,
			"--node-ip="+host,
			"--node-port="+port,
			"--tls-cert-file="+l.cert("server.crt"),
			"--tls-private-key-file="+l.cert("server.key"),
		),
		after: []string{APIServer},
		ready: "http://" + l.kwok + "/readyz",
	}
}

// serving is how a Kubernetes component listens with the sandbox's own certificate.
func (l *layout) serving(address string) []string {
	host, port, _ := net.SplitHostPort(address) // Ours: always right.
	return []string{
		"--bind-address=" + host,
		"--secure-port=" + port,
		"--tls-cert-file=" + l.cert("server.crt"),
		"--tls-private-key-file=" + l.cert("server.key"),
	}
}
