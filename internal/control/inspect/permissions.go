package inspect

import (
	"context"
	"maps"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// maxReviews bounds the reviews in progress.
const maxReviews = 8

// review is a kind of access review.
type review struct{ kind, resource string }

var (
	ofSelf     = review{"SelfSubjectAccessReview", "selfsubjectaccessreviews"}
	ofAnyone   = review{"SubjectAccessReview", "subjectaccessreviews"}
	ofAnyLocal = review{"LocalSubjectAccessReview", "localsubjectaccessreviews"}
)

// permissions reads what the ServiceAccounts of the releases may do, and the user.
func (r *reader) permissions(ctx context.Context) {
	for _, release := range doctor.Releases(r.in.Deployments.Value) {
		needs, err := doctor.Needs(&release, r.LeaseName, r.in.Objects.Value)
		if err != nil {
			r.in.Granted.Err = err
			return
		}
		subject := map[string]any{
			"user":   "system:serviceaccount:" + release.Namespace + ":" + release.ServiceAccount,
			"groups": []any{"system:serviceaccounts", "system:serviceaccounts:" + release.Namespace, "system:authenticated"},
		}
		r.in.Granted.Value = append(r.in.Granted.Value, answers(needs, func(n doctor.Need) (bool, error) { return r.mayOther(ctx, n, subject) })...)
	}
	r.in.User.Value = answers(doctor.UserNeeds(r.Namespace, r.LeaseNamespace), func(n doctor.Need) (bool, error) {
		return r.may(ctx, ofSelf, "", n, nil)
	})
}

// answers reviews permissions, several at a time.
func answers(needs []doctor.Need, may func(doctor.Need) (bool, error)) []doctor.Answer {
	all := make([]doctor.Answer, len(needs))
	slots := make(chan struct{}, maxReviews)
	var wg sync.WaitGroup
	for i := range needs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			allowed, err := may(needs[i])
			all[i] = doctor.Answer{Need: needs[i], Allowed: allowed, Err: err}
		})
	}
	wg.Wait()
	return all
}

// mayOther reports whether a subject has a permission. Without the right to review it in the cluster, that for one namespace may suffice.
func (r *reader) mayOther(ctx context.Context, n doctor.Need, subject map[string]any) (bool, error) {
	allowed, err := r.may(ctx, ofAnyone, "", n, subject)
	if apierrors.IsForbidden(err) && n.Namespace != "" {
		allowed, err = r.may(ctx, ofAnyLocal, n.Namespace, n, subject)
	}
	if err != nil {
		return false, objects.Explain(err, r.Config.Host, "create", ofAnyone.resource+".authorization.k8s.io", n.Namespace)
	}
	return allowed, nil
}

// may sends one review.
func (r *reader) may(ctx context.Context, of review, namespace string, n doctor.Need, subject map[string]any) (bool, error) {
	spec := map[string]any{"resourceAttributes": map[string]any{
		"verb": n.Verb, "group": n.Group, "resource": n.Resource, "subresource": n.Subresource, "name": n.Name, "namespace": n.Namespace,
	}}
	maps.Copy(spec, subject)
	gv := schema.GroupVersion{Group: "authorization.k8s.io", Version: "v1"}
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": gv.String(), "kind": of.kind, "spec": spec}}
	if namespace != "" {
		object.SetNamespace(namespace)
	}
	answer, err := r.client.Resource(gv.WithResource(of.resource)).Namespace(namespace).Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}
