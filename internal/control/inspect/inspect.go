package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
	"github.com/impulse-sh/impulse/internal/control/definitions"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// requestTimeout bounds each request if the configuration does not.
const requestTimeout = 15 * time.Second

// Options configure an inspection. Config is required.
type Options struct {
	Config *rest.Config
	// Version is that of the program.
	Version string
	// Namespace is that of the objects; "" means all.
	Namespace string
	// LeaseNamespace and LeaseName are those of the Lease; releases are expected in LeaseNamespace.
	LeaseNamespace, LeaseName string
	// Routing is a configuration of Alertmanager; nil means those in the cluster.
	Routing *doctor.Routing
	// Progress is called before each step with its name and the part that is done, from 0 to 1; it may be nil.
	Progress func(step string, done float64)
}

// reader reads one installation.
type reader struct {
	Options

	client dynamic.Interface
	own    rest.Interface
	in     *doctor.Installation
}

// Inspect reads an installation. It returns an error only if the configuration is not valid; what cannot be read is in the result.
func Inspect(ctx context.Context, o Options) (*doctor.Installation, error) {
	config := rest.CopyConfig(o.Config)
	if config.QPS = -1; config.Timeout == 0 {
		config.Timeout = requestTimeout
	}
	o.Config = config
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("set up the Kubernetes client: %w", err)
	}
	own, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	r := &reader{Options: o, client: client, own: own, in: &doctor.Installation{
		Version: o.Version, Namespace: o.Namespace, LeaseNamespace: o.LeaseNamespace, LeaseName: o.LeaseName,
		Ready: map[doctor.Key]doctor.Read[int]{}, Secrets: map[doctor.Key]doctor.Read[*doctor.Secret]{},
	}}
	steps := []struct {
		name string
		read func(context.Context)
	}{
		{"cluster", r.cluster},
		{"definitions", r.definitions},
		{"Deployments", r.deployments},
		{"Lease", r.lease},
		{"ScaledObjects", r.objects},
		{"permissions", r.permissions},
		{"other autoscalers", r.autoscalers},
		{"admission webhook", r.webhooks},
		{"Services and Secrets", r.services},
		{"Alertmanager", r.routings},
	}
	for i, step := range steps {
		if o.Progress != nil {
			o.Progress(step.name, float64(i)/float64(len(steps)))
		}
		step.read(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r.unreachable() {
			break // Every other request would wait as long.
		}
	}
	r.in.Now = time.Now()
	return r.in, nil
}

// unreachable reports whether the API server has not answered.
func (r *reader) unreachable() bool { return r.in.Cluster.Err != nil }

// cluster reads the version of the API server.
func (r *reader) cluster(ctx context.Context) {
	r.in.Cluster.Value.Host = r.Config.Host
	raw, err := r.own.Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		r.in.Cluster.Err = objects.Explain(err, r.Config.Host, "get", "/version", "")
		return
	}
	var v struct{ GitVersion, Minor string }
	if err := json.Unmarshal(raw, &v); err != nil || v.GitVersion == "" {
		r.in.Cluster.Err = fmt.Errorf("%s does not answer as a Kubernetes API server", r.Config.Host)
		return
	}
	r.in.Cluster.Value.Version = v.GitVersion
	r.in.Cluster.Value.Minor, _ = strconv.Atoi(strings.TrimRight(v.Minor, "+")) // 0 if it is no number.
}

// definitions compares the CustomResourceDefinitions with the types of this program.
func (r *reader) definitions(ctx context.Context) {
	all, err := definitions.Compare(ctx, r.own)
	if err != nil {
		r.in.Definitions.Err = err
		return
	}
	for i := range all {
		r.in.Definitions.Value = append(r.in.Definitions.Value, doctor.Definition(all[i]))
	}
}
