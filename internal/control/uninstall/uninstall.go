package uninstall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// pollInterval is the time between two reads of a part that is being deleted.
const pollInterval = 500 * time.Millisecond

// Options configure an uninstallation. All but KeepCounts and Confirm are required.
type Options struct {
	Config *rest.Config
	// Timeout bounds the wait for each part to be gone.
	Timeout time.Duration
	// KeepCounts removes Impulse's finalizer from the ScaledObjects, so that their targets keep the current counts.
	KeepCounts bool
	// Confirm is called before anything is deleted, after what will be deleted was printed. Its error ends the uninstallation. Nil: do not ask.
	Confirm func(context.Context) error
	// Out receives what will be deleted, one line per part, and one whenever the reason for waiting changes.
	Out io.Writer
}

// Run returns an error, and deletes nothing, if another Impulse uses the same definitions. It removes the parts in order, and waits until each is gone before it removes the next. It passes over parts that do not
// exist, so it can be run again after an error.
func Run(ctx context.Context, o Options) error {
	client, err := dynamic.NewForConfig(o.Config)
	if err != nil {
		return fmt.Errorf("set up the Kubernetes client: %w", err)
	}
	objects, err := newObjects(o.Config, o.KeepCounts)
	if err != nil {
		return fmt.Errorf("set up the Kubernetes client: %w", err)
	}
	u := &uninstallation{client: client, objects: objects, timeout: o.Timeout, out: o.Out}
	if err := u.permit(ctx, o); err != nil {
		return err
	}
	credentials, err := u.credentials(ctx)
	if err != nil {
		return err
	}
	for _, p := range slices.Concat(parts(), credentials) {
		if err := u.remove(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// permit returns an error if nothing must be deleted. Once the definition of ScaledObjects is being deleted, or does not exist, no other
// Impulse has anything left to lose, and the one that runs then may be there to restore counts.
func (u *uninstallation) permit(ctx context.Context, o Options) error {
	first := parts()[0]
	found, err := u.of(first).Get(ctx, first.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && found.GetDeletionTimestamp() != nil:
	case err != nil:
		return fmt.Errorf("read %s: %w", first, err)
	default:
		read, err := readLeases(o.Config)
		if err != nil {
			return err
		}
		if err := refuseOthers(ctx, read); err != nil {
			return err
		}
	}
	present, err := u.objects.present(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(u.out, "This removes from %s: %s; the definitions of impulse.sh with all other objects of their kinds; the namespace %s with everything\n"+
		"in it; and the roles, the webhook and the FlowSchema of Impulse.\n", o.Config.Host, present, Namespace)
	if o.Confirm == nil {
		return nil
	}
	return o.Confirm(ctx)
}

type uninstallation struct {
	client  dynamic.Interface
	objects *objects
	timeout time.Duration
	out     io.Writer
}

// credentials returns the parts that rbac.credentials of the chart has created.
func (u *uninstallation) credentials(ctx context.Context) ([]part, error) {
	list, err := u.client.Resource(rbac.WithResource("rolebindings")).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + credentialsRole})
	if err != nil {
		return nil, fmt.Errorf("list the RoleBindings %s: %w", credentialsRole, err)
	}
	var typed rbacv1.RoleBindingList
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.UnstructuredContent(), &typed); err != nil {
		return nil, fmt.Errorf("decode the RoleBindings %s: %w", credentialsRole, err)
	}
	return credentialParts(typed.Items), nil
}

// of returns the client for a part.
func (u *uninstallation) of(p part) dynamic.ResourceInterface {
	if p.namespace == "" {
		return u.client.Resource(p.resource)
	}
	return u.client.Resource(p.resource).Namespace(p.namespace)
}

// remove deletes a part and waits until it is gone.
func (u *uninstallation) remove(ctx context.Context, p part) error {
	found, err := u.of(p).Get(ctx, p.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		fmt.Fprintf(u.out, "%s does not exist\n", p)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", p, err)
	}
	uid := found.GetUID()
	if found.GetDeletionTimestamp() == nil {
		err = u.of(p).Delete(ctx, p.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s: %w", p, err)
		}
	}
	if err := u.await(ctx, p, uid); err != nil {
		return fmt.Errorf("delete %s: %w", p, err)
	}
	fmt.Fprintf(u.out, "%s deleted\n", p)
	return nil
}

var (
	errTimeout    = errors.New("it still exists after the timeout")
	errFinalizers = errors.New("it still exists after the timeout; make sure that Impulse runs and has its permissions, or add --keep-counts, and run this command again")
	errRecreated  = errors.New("another one has been created since: stop what applies it, such as Argo CD or Flux, and run this command again")
)

// await waits until a part is gone, and prints the reason for waiting whenever it changes.
func (u *uninstallation) await(ctx context.Context, p part, uid types.UID) error {
	late := errTimeout
	if p.name == scaledObjects && !u.objects.keepCounts {
		late = errFinalizers
	}
	ctx, cancel := context.WithTimeoutCause(ctx, u.timeout, late)
	defer cancel()
	again := time.NewTicker(pollInterval)
	defer again.Stop()
	var last string
	for {
		found, err := u.of(p).Get(ctx, p.name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err == nil && found.GetUID() != uid:
			return errRecreated
		}
		reason := u.reason(ctx, p, found, err)
		if ctx.Err() == nil && reason != last { // A read that the timeout interrupted has no reason of its own.
			last = reason
			fmt.Fprintf(u.out, "waiting for %s: %s\n", p, reason)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), last)
		case <-again.C:
		}
	}
}

// reason returns the reason for which a part still exists; err is the error of reading it.
func (u *uninstallation) reason(ctx context.Context, p part, found *unstructured.Unstructured, err error) string {
	if err != nil {
		return err.Error()
	}
	if p.name == scaledObjects {
		if left := u.objects.remaining(ctx); left != "" {
			return left
		}
	}
	var messages []string
	conditions, _, _ := unstructured.NestedSlice(found.Object, "status", "conditions") // Without any, it is just being deleted.
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		kind := fmt.Sprint(condition["type"])
		if condition["status"] == "True" && (kind == "Terminating" || strings.HasPrefix(kind, "Namespace")) {
			messages = append(messages, fmt.Sprint(condition["message"]))
		}
	}
	return cmp.Or(strings.Join(messages, "; "), "it is being deleted")
}
