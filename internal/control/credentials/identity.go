package credentials

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// roleParameter is the parameter from which KEDA's scalers take the role that they assume in AWS.
const roleParameter = "awsRoleArn"

// PodIdentity returns the identity in a cloud that the authentication names; the zero value for none.
func (k *Credential) PodIdentity(ctx context.Context) (triggers.PodIdentity, error) {
	if k.use.Ref == nil {
		return triggers.PodIdentity{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	k.mu.Lock()
	defer k.unlock()
	spec, label, err := k.authentication(ctx)
	if err != nil {
		return triggers.PodIdentity{}, err
	}
	if err := k.use.allowedBy(spec); err != nil {
		return triggers.PodIdentity{}, fmt.Errorf("%s: %w", label, err)
	}
	i := spec.PodIdentity
	if i == nil || i.Provider == v1alpha1.IdentityNone {
		return triggers.PodIdentity{}, nil
	}
	return triggers.PodIdentity{
		Provider: i.Provider, IdentityID: i.IdentityID, IdentityTenantID: i.IdentityTenantID, IdentityAuthorityHost: i.IdentityAuthorityHost,
		RoleARN: i.RoleARN, ExternalID: i.ExternalID, IdentityOwner: i.IdentityOwner,
	}, nil
}

// readIdentity reads the role in AWS that an identity names: itself, or by the service account of the target.
func (r *reading) readIdentity(i *v1alpha1.PodIdentity) error {
	if i == nil {
		return nil
	}
	ofWorkload := i.IdentityOwner == v1alpha1.IdentityOfWorkload
	switch {
	case i.Provider == v1alpha1.IdentityAWS && i.RoleARN != "":
		return r.set(roleParameter, func() (string, bool, error) { return i.RoleARN, true, nil })
	case i.Provider == v1alpha1.IdentityAWS && ofWorkload:
		return r.set(roleParameter, func() (string, bool, error) { return r.roleOfTarget(true) })
	case i.Provider == v1alpha1.IdentityEKS:
		return r.set(roleParameter, func() (string, bool, error) { return r.roleOfTarget(false) })
	}
	return nil
}

// roleOfTarget returns the role of the target's service account, and whether it has one.
func (r *reading) roleOfTarget(required bool) (string, bool, error) {
	target, err := get(r.ctx, r.k, r.k.all.targets, r.k.use.Target)
	if err != nil {
		return "", false, err
	}
	name := types.NamespacedName{Namespace: r.k.use.Target.Namespace, Name: target.account}
	annotations, err := r.object(r.k.all.accounts, name)
	if err != nil {
		return "", false, err
	}
	role, ok := annotations[v1alpha1.RoleAnnotation]
	if !ok && required {
		return "", false, missingError(fmt.Sprintf("service account %s, of %s, has no annotation %s", name, r.k.use.Target, v1alpha1.RoleAnnotation))
	}
	return role, ok, nil
}

// annotationsOf returns the annotations of a service account.
func annotationsOf(object any) (map[string]string, bool) {
	account, ok := object.(*corev1.ServiceAccount)
	if !ok {
		return nil, false
	}
	return account.Annotations, true
}

// readServicePrincipal reads the parameters of an application in Microsoft Entra, by KEDA's names.
func (r *reading) readServicePrincipal(p *v1alpha1.AzureServicePrincipal) error {
	if p == nil {
		return nil
	}
	const prefix = "azureServicePrincipal"
	for parameter, value := range map[string]string{
		"": "true", "TenantId": p.TenantID, "ClientId": p.ClientID, "Cloud": p.Cloud, "ActiveDirectoryEndpoint": p.ActiveDirectoryEndpoint,
	} {
		if value != "" && r.wants(prefix+parameter) {
			r.values[prefix+parameter] = value
		}
	}
	for _, secret := range []struct {
		parameter string
		from      *v1alpha1.SecretSource
	}{{"ClientSecret", p.ClientSecret}, {"ClientCertificate", p.ClientCertificate}, {"ClientCertificatePassword", p.ClientCertificatePassword}} {
		if secret.from == nil {
			continue
		}
		ref := secret.from.ValueFrom.SecretKeyRef
		err := r.set(prefix+secret.parameter, func() (string, bool, error) {
			return r.key(r.k.all.secrets, v1alpha1.KeyRef{Name: ref.Name, Key: ref.Key})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
