package adopt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/kube/objects"
	"github.com/impulse-sh/impulse/triggers"
)

// Kind is the kind of the object that Impulse replaces.
type Kind int

// The kinds that can be replaced.
const (
	HPA Kind = iota
	KEDA
)

var (
	hpas        = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	kedaObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}
	ourObjects  = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "scaledobjects"}
)

// Options configure an adoption. All but Apply are required.
type Options struct {
	Config          *rest.Config
	Kind            Kind
	Namespace, Name string
	// Kinds are the kinds of trigger that the running Impulse has.
	Kinds []triggers.Kind
	// Apply does it. Otherwise, Run only writes the converted objects.
	Apply bool
	// Timeout bounds the wait for Impulse's decision, and then the wait until Impulse scales.
	Timeout time.Duration
	// Out receives the converted objects as YAML, Progress one line per step.
	Out, Progress io.Writer
}

// adoption is one run.
type adoption struct {
	Options
	client dynamic.Interface
}

// Run converts the object and, with Apply, replaces it. After an error before the last step the old autoscaler scales as before, Run can be
// repeated, and the error says what was left.
func Run(ctx context.Context, o Options) error {
	config := rest.CopyConfig(o.Config)
	config.QPS = -1 // The client's own limit would end the last read before its deadline, and so hide the reason for waiting.
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("set up the Kubernetes client: %w", err)
	}
	a := &adoption{Options: o, client: client}
	old, err := client.Resource(a.source()).Namespace(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read %s: %w", a.what(), a.explain(ctx, err))
	}
	objects, err := a.convert(ctx, old)
	if err != nil {
		return err
	}
	if !o.Apply {
		return a.print(objects)
	}
	hpa, err := a.scalingHPA(ctx, old)
	if err != nil {
		return err
	}
	for _, c := range objects {
		if err := a.create(ctx, c.object); err != nil {
			return err
		}
	}
	if err := a.awaitDecision(ctx, old, hpa.GetName()); err != nil {
		return fmt.Errorf("%w; %s still scales, and nothing was deleted: Impulse's ScaledObject %s stays, and the same command goes on", err, a.what(), old.GetName())
	}
	if err := a.remove(ctx, old); err != nil {
		return fmt.Errorf("%w; %s still scales", err, a.what())
	}
	return a.awaitScaling(ctx, old)
}

// source returns the resource of the old object.
func (a *adoption) source() schema.GroupVersionResource {
	if a.Kind == KEDA {
		return kedaObjects
	}
	return hpas
}

// what names the old object.
func (a *adoption) what() string {
	if a.Kind == KEDA {
		return "KEDA's ScaledObject " + a.Namespace + "/" + a.Name
	}
	return "HorizontalPodAutoscaler " + a.Namespace + "/" + a.Name
}

// print writes the converted objects, and what Apply would do.
func (a *adoption) print(objects []converted) error {
	for i, c := range objects {
		content := c.yaml
		if i > 0 {
			content = append([]byte("---\n"), content...)
		}
		if _, err := a.Out.Write(content); err != nil {
			return err
		}
	}
	a.report("nothing was changed; with --apply: create these objects, wait until Impulse has decided on a count, delete %s", a.what())
	return nil
}

// errNoHPA is returned if KEDA scales the target without an HPA, or does not scale it.
var errNoHPA = errors.New("KEDA has made no HorizontalPodAutoscaler for it, so Impulse could not tell whether KEDA scales: unpause it or " +
	"start KEDA's operator, or stop that for good and use impulse run --watch-keda")

// scalingHPA returns the HPA that scales the target now.
func (a *adoption) scalingHPA(ctx context.Context, old *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if a.Kind == HPA {
		return old, nil
	}
	name, _, err := unstructured.NestedString(old.Object, "status", "hpaName")
	if err != nil || name == "" {
		return nil, fmt.Errorf("adopt %s: %w", a.what(), errNoHPA)
	}
	hpa, err := a.client.Resource(hpas).Namespace(a.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read KEDA's HorizontalPodAutoscaler %s: %w", name, err)
	}
	return hpa, nil
}

func (a *adoption) report(format string, args ...any) { fmt.Fprintf(a.Progress, format+"\n", args...) }

// suggestTimeout bounds the search for the object that may have been meant.
const suggestTimeout = 3 * time.Second

// explain returns the error of reading the object that is replaced, with the right that is missing, or the name that may have been meant.
func (a *adoption) explain(ctx context.Context, err error) error {
	of := a.source()
	if !apierrors.IsNotFound(err) {
		return objects.Explain(err, a.Config.Host, "get", of.GroupResource().String(), a.Namespace)
	}
	ctx, cancel := context.WithTimeout(ctx, suggestTimeout)
	defer cancel()
	list, failed := a.client.Resource(of).Namespace(a.Namespace).List(ctx, metav1.ListOptions{})
	if failed != nil {
		return err
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].GetName())
	}
	if near := diag.Nearest(a.Name, names); near != "" {
		return fmt.Errorf("%w (%s)", err, diag.DidYouMean(near))
	}
	return err
}
