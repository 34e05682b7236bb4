package app

import (
	"context"
	"crypto/tls"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/control/admission"
	"github.com/impulse-sh/impulse/internal/control/servingcert"
	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// admissionParts are the parts of the admission webhook.
type admissionParts struct {
	cluster     *admission.Cluster
	reviewer    *admission.Reviewer
	certificate interface {
		Get(*tls.ClientHelloInfo) (*tls.Certificate, error)
		Run(ctx context.Context) error
	}
}

// newAdmission creates the parts of the admission webhook.
func (p *process) newAdmission(config *rest.Config) error {
	cluster, err := admission.NewCluster(config, p.options.Namespace, p.target, p.core)
	if err != nil {
		return err
	}
	a := &admissionParts{cluster: cluster, reviewer: admission.NewReviewer(admission.Options{
		Cluster: manifest.Cluster{
			Kinds: builtin.Kinds(), Settings: p.options.Settings, KEDABridge: p.options.KEDABridge != "", Authentication: cluster.Authentication,
		},
		Claimant: cluster.Claimant, HPA: cluster.HPA, PodSpec: cluster.PodSpec, DefaultRequest: cluster.DefaultRequest,
		Registry: p.registry, Log: p.log,
	})}
	if p.options.AdmissionCert != "" {
		a.certificate, err = servingcert.ReadFiles(p.options.AdmissionCert, p.options.AdmissionKey, p.registry, p.log)
	} else {
		a.certificate, err = p.ownCertificate(config)
	}
	p.admission = a
	return err
}

// ownCertificate returns the certificate that Impulse makes.
func (p *process) ownCertificate(config *rest.Config) (*servingcert.Certificate, error) {
	webhooks, err := typed.NewWebhooks(config)
	if err != nil {
		return nil, err
	}
	return servingcert.New(servingcert.Options{
		Secrets: p.core.Secrets(p.options.LeaseNamespace), Webhooks: webhooks, Webhook: p.options.AdmissionWebhook,
		WhileLeading: p.elector.WhileLeading, Now: time.Now, Registry: p.registry, Log: p.log,
	}), nil
}

// startAdmission starts the services of the admission webhook, if there is one. Each replica has them.
func (p *process) startAdmission(ctx context.Context, s *services, fail context.CancelCauseFunc) error {
	if p.admission == nil {
		return nil
	}
	server, err := admission.Listen(ctx, p.options.AdmissionListen, p.admission.reviewer, p.admission.certificate.Get, p.log)
	if err != nil {
		return err
	}
	s.start(ctx, "admission certificate", fail, p.admission.certificate.Run)
	s.start(ctx, "admission watches", fail, p.admission.cluster.Run)
	s.start(ctx, "admission server", fail, server.Run)
	p.log.Info("admission webhook started", "address", server.Addr())
	return nil
}
