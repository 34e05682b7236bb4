package plane

import "net"

// natsComponent is one NATS server with JetStream.
func (l *layout) natsComponent() component {
	host, port, _ := net.SplitHostPort(l.nats) // Ours: always right.
	_, monitoring, _ := net.SplitHostPort(l.natsMonitoring)
	return component{
		Spec: l.spec(NATS,
			"--name=sandbox",
			"--addr="+host,
			"--port="+port,
			"--http_port="+monitoring,
			"--jetstream",
			"--store_dir="+l.path("nats"),
		),
		ready: "http://" + l.natsMonitoring + "/healthz",
	}
}

func (l *layout) alertmanagerComponent() component {
	return component{
		Spec: l.spec(Alertmanager,
			"--config.file="+l.alertmanagerConfig(),
			"--storage.path="+l.path("alertmanager"),
			"--web.listen-address="+l.alertmanager,
			"--cluster.listen-address=",
			"--log.level=warn",
		),
		ready: "http://" + l.alertmanager + "/-/ready",
	}
}

func (l *layout) prometheusComponent() component {
	return component{
		Spec: l.spec(Prometheus,
			"--config.file="+l.prometheusConfig(),
			"--storage.tsdb.path="+l.path("prometheus"),
			"--web.listen-address="+l.prometheus,
			"--web.enable-lifecycle",
			"--web.enable-remote-write-receiver",
			"--log.level=warn",
		),
		ready: "http://" + l.prometheus + "/-/ready",
	}
}
