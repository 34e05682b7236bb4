package scenario

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/template"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

//go:embed objects/*.yaml
var objects embed.FS

// values fill the templates in objects/.
type values struct {
	Namespace                                    string
	Workloads                                    []string
	Stream, CronStart, CronEnd                   string
	NATSURL, PrometheusURL, ImpulseURL, PageURL  string
	AlertmanagerHost, MockmetricsHost, RulesFile string
	// TokenFile has the token for ImpulseURL; "" if it requires none.
	TokenFile string
}

// render fills in one template.
func render(name string, v values) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(objects, "objects/"+name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, v); err != nil {
		return nil, fmt.Errorf("fill in %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// applier applies YAML on the server's side.
type applier struct {
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

func newApplier(cfg *rest.Config) (*applier, error) {
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("create a client: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("create a discovery client: %w", err)
	}
	return &applier{dynamic: dyn, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))}, nil
}

// folder applies every YAML file of a folder.
func (a *applier) folder(ctx context.Context, dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("no YAML files in %s", dir)
	}
	slices.Sort(paths)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if err := a.apply(ctx, content); err != nil {
			return fmt.Errorf("apply %s: %w", path, err)
		}
	}
	return nil
}

// apply applies every document of a YAML stream.
func (a *applier) apply(ctx context.Context, content []byte) error {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		var u unstructured.Unstructured
		if err := decoder.Decode(&u); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("decode: %w", err)
		}
		if len(u.Object) == 0 {
			continue
		}
		if err := a.one(ctx, &u); err != nil {
			return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
}

// one applies one object; a kind that was made just now may take a moment to be served.
func (a *applier) one(ctx context.Context, u *unstructured.Unstructured) error {
	var last error
	err := process.WaitFor(ctx, 20*time.Second, "apply", func(ctx context.Context) (bool, error) {
		last = a.try(ctx, u)
		return last == nil, nil
	})
	return errors.Join(err, last)
}

// try applies one object once.
func (a *applier) try(ctx context.Context, u *unstructured.Unstructured) error {
	gvk := u.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		a.mapper.Reset()
		return err
	}
	resource := dynamic.ResourceInterface(a.dynamic.Resource(mapping.Resource))
	if u.GetNamespace() != "" {
		resource = a.dynamic.Resource(mapping.Resource).Namespace(u.GetNamespace())
	}
	_, err = resource.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: "impulse-demo", Force: true})
	return err
}
