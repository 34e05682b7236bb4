package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

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
	log       *slog.Logger

	mu sync.Mutex
	// versions holds the resource version of each shard as we saw it last; "" when it is not there.
	versions [Shards]string
}

// NewKube returns a persister of AlertSets.
func NewKube(cfg *rest.Config, namespace string, log *slog.Logger) (*Kube, error) {
	own := rest.CopyConfig(cfg)
	own.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	own.ContentType = "application/json"
	own.AcceptContentTypes = "application/json"
	client, err := rest.UnversionedRESTClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("make a client for AlertSets: %w", err)
	}
	return &Kube{client: client, namespace: namespace, log: log}, nil
}

func shardName(shard int) string { return fmt.Sprintf("alerts-%02d", shard) }

func (k *Kube) path(parts ...string) []string {
	return append([]string{"/apis", v1alpha1.GroupName, "v1alpha1", "namespaces", k.namespace, "alertsets"}, parts...)
}

// Load reads one AlertSet. A copy of one that cannot be understood is set aside.
func (k *Kube) Load(ctx context.Context, shard int) (Shard, error) {
	raw, err := k.client.Get().AbsPath(k.path(shardName(shard))...).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		if missing := k.served(ctx); missing != nil {
			return Shard{}, missing
		}
		k.remember(shard, "")
		return Shard{}, nil
	}
	if err != nil {
		return Shard{}, fmt.Errorf("read AlertSet %s/%s: %w", k.namespace, shardName(shard), err)
	}
	var set v1alpha1.AlertSet
	if err := json.Unmarshal(raw, &set); err != nil {
		return Shard{LostAt: time.Now()}, k.setAside(ctx, shard, raw, err)
	}
	k.remember(shard, set.ResourceVersion)
	loaded := Shard{Alerts: set.Alerts}
	if set.AsOf != nil {
		loaded.AsOf = set.AsOf.Time
	}
	if set.LostAt != nil {
		loaded.LostAt = set.LostAt.Time
	}
	return loaded, nil
}

// setAside keeps a copy of an AlertSet that was not understood. It itself stays until it is written again.
func (k *Kube) setAside(ctx context.Context, shard int, raw []byte, why error) error {
	var set map[string]any
	if err := json.Unmarshal(raw, &set); err != nil {
		return fmt.Errorf("decode AlertSet %s/%s: %w", k.namespace, shardName(shard), err)
	}
	version := ""
	if meta, ok := set["metadata"].(map[string]any); ok {
		version, _ = meta["resourceVersion"].(string)
	}
	k.remember(shard, version)
	aside := shardName(shard) + "-broken"
	set["metadata"] = map[string]any{"name": aside, "namespace": k.namespace}
	body, err := json.Marshal(set)
	if err == nil {
		err = k.client.Post().AbsPath(k.path()...).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error()
	}
	k.log.Error("an AlertSet is broken and was set aside: until its alerts are repeated, others than those that are known may be firing",
		"alertSet", k.namespace+"/"+shardName(shard), "aside", aside, "error", why, "copied", err == nil)
	return nil
}

// served tells an AlertSet that is not there from a CRD or namespace that is not there.
func (k *Kube) served(ctx context.Context) error {
	err := k.client.Get().AbsPath(k.path()...).Param("limit", "1").Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("list AlertSets in %s: %w", k.namespace, err)
	}
	return nil
}

// Check returns the shards whose AlertSets are gone or have another version than we saw last.
func (k *Kube) Check(ctx context.Context) ([]int, error) {
	raw, err := k.client.Get().AbsPath(k.path()...).SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("list AlertSets in %s: %w", k.namespace, err)
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode the list of AlertSets in %s: %w", k.namespace, err)
	}
	there := map[string]string{}
	for i := range list.Items {
		there[list.Items[i].Name] = list.Items[i].ResourceVersion
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var changed []int
	for i, version := range k.versions {
		if version != "" && there[shardName(i)] != version {
			changed = append(changed, i)
		}
	}
	return changed, nil
}

// Save creates or replaces one AlertSet, as it was last seen.
func (k *Kube) Save(ctx context.Context, shard int, content Shard) error {
	set := v1alpha1.AlertSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupName + "/v1alpha1", Kind: "AlertSet"},
		ObjectMeta: metav1.ObjectMeta{Name: shardName(shard), Namespace: k.namespace, ResourceVersion: k.version(shard)},
		Alerts:     content.Alerts, AsOf: stamp(content.AsOf), LostAt: stamp(content.LostAt),
	}
	body, err := json.Marshal(&set)
	if err != nil {
		return fmt.Errorf("encode AlertSet %s/%s: %w", k.namespace, set.Name, err)
	}
	request := k.client.Put().AbsPath(k.path(set.Name)...)
	if set.ResourceVersion == "" {
		request = k.client.Post().AbsPath(k.path()...)
	}
	// The store tries again, with what it has by then.
	raw, err := request.MaxRetries(0).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Raw()
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

// stamp is a time in an AlertSet; nil for none.
func stamp(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewMicroTime(t)
	return &m
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
