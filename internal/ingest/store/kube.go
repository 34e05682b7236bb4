package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/typed"
)

// Kube stores the shards as AlertSets in one namespace. A shard without an AlertSet is empty.
type Kube struct {
	client    rest.Interface
	transport http.RoundTripper
	namespace string
	log       *slog.Logger

	mu sync.Mutex
	// versions has the resource version of each shard as it was last read or written; a shard without an AlertSet is not in it.
	versions map[int]string
	// saving are the shards with a write in flight, and unchecked those that were read or written since the last Check began, and those that
	// were being written then.
	saving, unchecked map[int]struct{}
}

// NewKube returns a persister that stores AlertSets.
func NewKube(cfg *rest.Config, namespace string, log *slog.Logger) (*Kube, error) {
	own := rest.CopyConfig(cfg)
	if own.Dial == nil { // A separate connection, so that large bodies delay no other request.
		own.Dial = (&net.Dialer{Timeout: saveTimeout, KeepAlive: keepAlive}).DialContext
	}
	own.NegotiatedSerializer = typed.Codecs.WithoutConversion()
	own.ContentType = "application/json"
	own.AcceptContentTypes = "application/json"
	client, err := rest.UnversionedRESTClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("create a client for AlertSets: %w", err)
	}
	return &Kube{
		client: client, transport: client.Client.Transport, namespace: namespace, log: log,
		versions: map[int]string{}, saving: map[int]struct{}{}, unchecked: map[int]struct{}{},
	}, nil
}

// shardName is the name of a shard's AlertSet, and of its file without the extension.
func shardName(shard int) string { return fmt.Sprintf("alerts-%02d", shard) }

// Aside is the suffix of the name of a copy of an AlertSet that could not be decoded.
const Aside = "-broken"

// shardNumber returns the number in a shard's name; ok is false for any other name.
func shardNumber(name string) (n int, ok bool) {
	digits, ok := strings.CutPrefix(name, "alerts-")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && shardName(n) == name
}

func (k *Kube) path(parts ...string) []string {
	return append([]string{"/apis", v1alpha1.GroupName, "v1alpha1", "namespaces", k.namespace, "alertsets"}, parts...)
}

// send sends a request, and waits requestTimeout for its answer at most.
func (k *Kube) send(ctx context.Context, request *rest.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return request.Do(ctx).Raw()
}

// Load reads AlertSets. A copy of one that cannot be decoded is set aside.
func (k *Kube) Load(ctx context.Context, shards ...int) (map[int]Shard, error) {
	if len(shards) == 0 {
		return k.loadAll(ctx)
	}
	loaded := map[int]Shard{}
	for _, shard := range shards {
		raw, err := k.send(ctx, k.client.Get().AbsPath(k.path(shardName(shard))...))
		if apierrors.IsNotFound(err) {
			if missing := k.served(ctx); missing != nil {
				return nil, missing
			}
			k.remember(shard, "")
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read AlertSet %s/%s: %w", k.namespace, shardName(shard), err)
		}
		if loaded[shard], err = k.decode(ctx, shard, raw); err != nil {
			return nil, err
		}
	}
	return loaded, nil
}

const (
	// loadPage is the number of AlertSets read with one request.
	loadPage  = 128
	keepAlive = 30 * time.Second
	// requestTimeout bounds each request but the writes of shards, which have saveTimeout. A page of a load is one request.
	requestTimeout = 10 * time.Second
)

// loadAll reads all AlertSets, as they were at one moment. It begins on a new connection: if the last load failed because the old one is
// silent, this one would, too.
func (k *Kube) loadAll(ctx context.Context) (map[int]Shard, error) {
	loaded, next := map[int]Shard{}, ""
	k.mu.Lock()
	clear(k.versions)
	k.mu.Unlock()
	utilnet.CloseIdleConnectionsFor(k.transport)
	for {
		raw, err := k.send(ctx, k.client.Get().AbsPath(k.path()...).Param("limit", strconv.Itoa(loadPage)).Param("continue", next))
		if err != nil {
			return nil, fmt.Errorf("read the AlertSets in %s: %w", k.namespace, err)
		}
		var page struct {
			metav1.ListMeta `json:"metadata"`
			Items           []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, fmt.Errorf("decode the list of AlertSets in %s: %w", k.namespace, err)
		}
		for _, item := range page.Items {
			var meta metav1.PartialObjectMetadata
			if err := json.Unmarshal(item, &meta); err != nil {
				return nil, fmt.Errorf("decode an AlertSet in %s: %w", k.namespace, err)
			}
			shard, ok := shardNumber(meta.Name)
			if !ok {
				continue // A copy that was set aside.
			}
			if loaded[shard], err = k.decode(ctx, shard, item); err != nil {
				return nil, err
			}
		}
		if next = page.Continue; next == "" {
			return loaded, nil
		}
	}
}

// decode decodes one AlertSet, or sets a copy of it aside.
func (k *Kube) decode(ctx context.Context, shard int, raw []byte) (Shard, error) {
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

// setAside stores a copy of an AlertSet that could not be decoded. The AlertSet itself stays until it is written again.
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
	aside := shardName(shard) + Aside
	set["apiVersion"], set["kind"] = v1alpha1.GroupName+"/v1alpha1", "AlertSet" // Items of a list do not have them.
	set["metadata"] = map[string]any{"name": aside, "namespace": k.namespace}
	body, err := json.Marshal(set)
	if err == nil {
		_, err = k.send(ctx, k.client.Post().AbsPath(k.path()...).SetHeader("Content-Type", "application/json").Body(body))
	}
	k.log.Error("an AlertSet is unreadable: until its alerts are repeated, unknown alerts may be firing",
		"alertSet", k.namespace+"/"+shardName(shard), "aside", aside, "error", why, "copied", err == nil)
	return nil
}

// served returns an error if AlertSets cannot be listed: then an AlertSet may be missing because its CRD is.
func (k *Kube) served(ctx context.Context) error {
	if _, err := k.send(ctx, k.client.Get().AbsPath(k.path()...).Param("limit", "1")); err != nil {
		return fmt.Errorf("list AlertSets in %s: %w", k.namespace, err)
	}
	return nil
}

// Check returns the shards whose AlertSets are gone, or have another version than was last read or written. A shard that is read or written
// meanwhile is left to the next Check: the list may be older or newer than its version. One Check may run at a time.
func (k *Kube) Check(ctx context.Context) ([]int, error) {
	k.mu.Lock()
	k.unchecked = maps.Clone(k.saving)
	k.mu.Unlock()
	raw, err := k.send(ctx, k.client.Get().AbsPath(k.path()...).SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"))
	if err != nil {
		return nil, fmt.Errorf("list AlertSets in %s: %w", k.namespace, err)
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode the list of AlertSets in %s: %w", k.namespace, err)
	}
	found := map[int]string{}
	for i := range list.Items {
		if shard, ok := shardNumber(list.Items[i].Name); ok {
			found[shard] = list.Items[i].ResourceVersion
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var changed []int
	for shard, version := range k.versions {
		if found[shard] != version {
			changed = append(changed, shard)
		}
		delete(found, shard)
	}
	changed = slices.AppendSeq(changed, maps.Keys(found))
	return slices.DeleteFunc(changed, func(shard int) bool { _, ok := k.unchecked[shard]; return ok }), nil
}

// untracked has the API server forget which client has set which field of an AlertSet, from the first replacement on. Impulse alone writes
// AlertSets, and comparing their fields takes a quarter of the time of a write.
func untracked() []metav1.ManagedFieldsEntry { return []metav1.ManagedFieldsEntry{{}} }

// Save creates or replaces one AlertSet, if it has the version that was last read or written.
func (k *Kube) Save(ctx context.Context, shard int, content Shard) error {
	version := k.beginSave(shard)
	defer k.endSave(shard)
	set := v1alpha1.AlertSet{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupName + "/v1alpha1", Kind: "AlertSet"},
		ObjectMeta: metav1.ObjectMeta{
			Name: shardName(shard), Namespace: k.namespace, ResourceVersion: version, ManagedFields: untracked(),
		},
		Summary: summaryOf(content.Alerts),
		Alerts:  content.Alerts, AsOf: stamp(content.AsOf), LostAt: stamp(content.LostAt),
	}
	body, err := json.Marshal(&set)
	if err != nil {
		return fmt.Errorf("encode AlertSet %s/%s: %w", k.namespace, set.Name, err)
	}
	request := k.client.Put().AbsPath(k.path(set.Name)...)
	if set.ResourceVersion == "" {
		request = k.client.Post().AbsPath(k.path()...)
	}
	// The store retries, with newer content.
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

// stamp returns a time as an AlertSet has it; nil for the zero time.
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
	k.unchecked[shard] = struct{}{}
	if k.versions[shard] = version; version == "" {
		delete(k.versions, shard)
	}
}

// beginSave returns the version that a write of a shard replaces.
func (k *Kube) beginSave(shard int) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saving[shard], k.unchecked[shard] = struct{}{}, struct{}{}
	return k.versions[shard]
}

func (k *Kube) endSave(shard int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.saving, shard)
}
