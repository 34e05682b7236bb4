package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Kube keeps the shards as AlertSets, in one namespace. A shard that is not there is empty.
type Kube struct {
	client    rest.Interface
	namespace string

	mu sync.Mutex
	// versions holds the resource version of each shard as we saw it last; "" when it is not there.
	versions [Shards]string
}

// NewKube returns a persister of AlertSets.
func NewKube(cfg *rest.Config, namespace string) (*Kube, error) {
	own := rest.CopyConfig(cfg)
	own.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	own.ContentType = "application/json"
	own.AcceptContentTypes = "application/json"
	client, err := rest.UnversionedRESTClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("make a client for AlertSets: %w", err)
	}
	return &Kube{client: client, namespace: namespace}, nil
}

func shardName(shard int) string { return fmt.Sprintf("alerts-%02d", shard) }

func (k *Kube) path(parts ...string) []string {
	return append([]string{"/apis", v1alpha1.GroupName, "v1alpha1", "namespaces", k.namespace, "alertsets"}, parts...)
}

// Load reads one AlertSet.
func (k *Kube) Load(ctx context.Context, shard int) ([]v1alpha1.StoredAlert, error) {
	raw, err := k.client.Get().AbsPath(k.path(shardName(shard))...).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		if missing := k.served(ctx); missing != nil {
			return nil, missing
		}
		k.remember(shard, "")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read AlertSet %s/%s: %w", k.namespace, shardName(shard), err)
	}
	var set v1alpha1.AlertSet
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, fmt.Errorf("decode AlertSet %s/%s: %w", k.namespace, shardName(shard), err)
	}
	k.remember(shard, set.ResourceVersion)
	return set.Alerts, nil
}

// served tells an AlertSet that is not there from a CRD or namespace that is not there.
func (k *Kube) served(ctx context.Context) error {
	err := k.client.Get().AbsPath(k.path()...).Param("limit", "1").Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("list AlertSets in %s: %w", k.namespace, err)
	}
	return nil
}

// Save creates or replaces one AlertSet, as it was last seen.
func (k *Kube) Save(ctx context.Context, shard int, alerts []v1alpha1.StoredAlert) error {
	set := v1alpha1.AlertSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupName + "/v1alpha1", Kind: "AlertSet"},
		ObjectMeta: metav1.ObjectMeta{Name: shardName(shard), Namespace: k.namespace, ResourceVersion: k.version(shard)},
		Alerts:     alerts,
	}
	body, err := json.Marshal(&set)
	if err != nil {
		return fmt.Errorf("encode AlertSet %s/%s: %w", k.namespace, set.Name, err)
	}
	request := k.client.Put().AbsPath(k.path(set.Name)...)
	if set.ResourceVersion == "" {
		request = k.client.Post().AbsPath(k.path()...)
	}
	raw, err := request.SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Raw()
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), set.ResourceVersion != "" && apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case err != nil:
		return fmt.Errorf("write AlertSet %s/%s: %w", k.namespace, set.Name, err)
	}
	var written metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &written); err != nil {
		return fmt.Errorf("decode the answer to AlertSet %s/%s: %w", k.namespace, set.Name, err)
	}
	k.remember(shard, written.ResourceVersion)
	return nil
}

func (k *Kube) remember(shard int, version string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.versions[shard] = version
}

func (k *Kube) version(shard int) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.versions[shard]
}
