package definitions

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// pause is the time between two comparisons. A gap is reported when two comparisons in a row find it, because the API server publishes a new
// schema a while after it accepts the definition.
const pause = 10 * time.Second

// Difference is how a CustomResourceDefinition differs from the types of this version.
type Difference struct {
	// Name is the name of the definition.
	Name string
	// Absent: the API server does not serve the definition.
	Absent bool
	// Lacks are fields that the definition does not have, such as spec.dryRun, and Extra are fields that only the definition has.
	Lacks, Extra []string
}

// incomplete reports whether the API server drops what this version writes or users may write.
func (d *Difference) incomplete() bool { return d.Absent || len(d.Lacks) > 0 }

// kinds are the kinds that must be defined, by the names of their definitions.
func kinds() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[v1alpha1.ScaledObject](), reflect.TypeFor[v1alpha1.AlertSet](),
		reflect.TypeFor[v1alpha1.TriggerAuthentication](), reflect.TypeFor[v1alpha1.ClusterTriggerAuthentication](),
	}
}

// Report logs once what the definitions of the cluster lack. It retries while the API server is unavailable, and returns when all
// definitions are complete, a gap has been logged, or ctx is done.
func Report(ctx context.Context, client rest.Interface, log *slog.Logger) {
	seen := false
	for {
		gaps, err := Compare(ctx, client)
		gaps = slices.DeleteFunc(gaps, func(d Difference) bool { return !d.incomplete() })
		switch {
		case apierrors.IsForbidden(err):
			log.Warn("the CustomResourceDefinitions could not be compared with this version", slog.Any("error", err))
			return
		case err == nil && len(gaps) == 0:
			return
		case err == nil && seen:
			write(log, gaps)
			return
		}
		seen = err == nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// write logs the gaps.
func write(log *slog.Logger, gaps []Difference) {
	const remedy = "apply deploy/crds of this version, or upgrade the chart with crds.install"
	for _, gap := range gaps {
		if gap.Absent {
			log.Error("a CustomResourceDefinition is missing", slog.String("definition", gap.Name), slog.String("remedy", remedy))
			continue
		}
		log.Warn("a CustomResourceDefinition is older than this version: the API server drops these fields, so they have no effect",
			slog.String("definition", gap.Name), slog.String("fields", strings.Join(gap.Lacks, ", ")), slog.String("remedy", remedy))
	}
}

// Compare compares all definitions of the cluster with the types of this version. It reads the schema that the API server publishes, which every authenticated client
// may read.
func Compare(ctx context.Context, client rest.Interface) ([]Difference, error) {
	gv := v1alpha1.GroupVersion()
	raw, err := client.Get().AbsPath("/openapi/v3/apis", gv.Group, gv.Version).SetHeader("Accept", "application/json").MaxRetries(0).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		raw, err = []byte("{}"), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", gv, err)
	}
	var published struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(raw, &published); err != nil {
		return nil, fmt.Errorf("decode the schema of %s: %w", gv, err)
	}
	var all []Difference
	for _, kind := range kinds() {
		d := Difference{Name: strings.ToLower(kind.Name()) + "s." + gv.Group}
		found, ok := published.Components.Schemas["sh.impulse."+gv.Version+"."+kind.Name()]
		if d.Absent = !ok; ok {
			d.Lacks, d.Extra = missing(kind, &found, ""), extra(kind, &found, "")
		}
		all = append(all, d)
	}
	return all, nil
}
