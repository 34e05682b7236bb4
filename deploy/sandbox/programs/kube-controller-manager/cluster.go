package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/controller-manager/pkg/clientbuilder"
	"k8s.io/controller-manager/pkg/informerfactory"
)

// resync is how often the informers deliver all objects again; in the stock program every 12 to 24 hours.
const resync = 12 * time.Hour

// cluster is shared by the controllers: clients, informers and the keys of service accounts.
type cluster struct {
	options
	root      clientbuilder.ControllerClientBuilder // With the permissions of the controller manager itself.
	builder   clientbuilder.ControllerClientBuilder // With a service account for each controller.
	informers informers.SharedInformerFactory
	metadata  metadata.Interface
	any       informerfactory.InformerFactory // Typed where the type is known, metadata elsewhere.
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	ca        []byte
	signer    any
	started   chan struct{} // Closed when the informers run.
}

func newCluster(ctx context.Context, o options) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS, config.Burst = float32(o.qps), o.burst
	config.ContentType = "application/vnd.kubernetes.protobuf"
	c := &cluster{options: o, started: make(chan struct{})}
	c.root = clientbuilder.SimpleControllerClientBuilder{ClientConfig: config}
	client, err := c.root.Client("shared-informers")
	if err != nil {
		return nil, fmt.Errorf("create the informers' client: %w", err)
	}
	c.builder = clientbuilder.NewDynamicClientBuilder(rest.AnonymousClientConfig(config), client.CoreV1(), metav1.NamespaceSystem)
	c.informers = informers.NewSharedInformerFactoryWithOptions(client, resync, informers.WithTransform(withoutManagedFields))
	if err := c.openMetadata(); err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(client.Discovery())
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(cached)
	go wait.Until(c.mapper.Reset, 30*time.Second, ctx.Done())
	return c, c.readKeys()
}

func (c *cluster) openMetadata() error {
	config, err := c.root.Config("metadata-informers")
	if err != nil {
		return fmt.Errorf("create the metadata client: %w", err)
	}
	if c.metadata, err = metadata.NewForConfig(config); err != nil {
		return fmt.Errorf("create the metadata client: %w", err)
	}
	shared := metadatainformer.NewSharedInformerFactoryWithOptions(c.metadata, resync, metadatainformer.WithTransform(withoutManagedFields))
	c.any = informerfactory.NewInformerFactory(c.informers, shared)
	return nil
}

func (c *cluster) readKeys() error {
	var err error
	if c.ca, err = os.ReadFile(c.rootCA); err != nil {
		return fmt.Errorf("read the certificate authority: %w", err)
	}
	if c.signer, err = keyutil.PrivateKeyFromFile(c.serviceAccountKey); err != nil {
		return fmt.Errorf("read the key of service accounts: %w", err)
	}
	return nil
}

// withoutManagedFields saves memory: no controller looks at them.
func withoutManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil && accessor.GetManagedFields() != nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

// client is the named controller's own client.
func (c *cluster) client(name string) (kubernetes.Interface, *rest.Config, error) {
	config, err := c.builder.Config(name)
	if err != nil {
		return nil, nil, fmt.Errorf("configure the client of %s: %w", name, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("create the client of %s: %w", name, err)
	}
	return client, config, nil
}

// run starts the informers and the controllers and returns when all controllers have ended, which they do with ctx.
func (c *cluster) run(ctx context.Context) error {
	var loops []func(context.Context)
	for _, prepare := range controllers() {
		loop, err := prepare(ctx, c)
		if err != nil {
			return err
		}
		loops = append(loops, loop)
	}
	c.informers.Start(ctx.Done())
	defer c.informers.Shutdown()
	c.any.Start(ctx.Done())
	close(c.started)
	var running sync.WaitGroup
	for _, loop := range loops {
		running.Go(func() { loop(ctx) })
	}
	running.Wait()
	return nil
}
