package doctor

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// soon is the remaining time of a certificate that is reported. Impulse renews its own certificates 30 days before their end.
const soon = 14 * 24 * time.Hour

// reviewsObjects is the end of the names of Impulse's webhooks.
const reviewsObjects = ".admission.impulse.sh"

// OwnWebhooks returns the configurations that have webhooks of Impulse.
func OwnWebhooks(all []admissionregistrationv1.ValidatingWebhookConfiguration) []admissionregistrationv1.ValidatingWebhookConfiguration {
	var own []admissionregistrationv1.ValidatingWebhookConfiguration
	for i := range all {
		for j := range all[i].Webhooks {
			if strings.HasSuffix(all[i].Webhooks[j].Name, reviewsObjects) {
				own = append(own, all[i])
				break
			}
		}
	}
	return own
}

// admission checks the admission webhook: its configuration, its certificate and its replicas.
func admission(in *Installation) []Finding {
	s := section{check: checkAdmission}
	if in.Webhooks.Err != nil {
		s.notRead("the ValidatingWebhookConfigurations", in.Webhooks.Err)
		return s.all
	}
	releases := Releases(in.Deployments.Value)
	own := OwnWebhooks(in.Webhooks.Value)
	serves := map[string]*Release{}
	for i := range releases {
		if name := releases[i].Webhook(); name != "" {
			serves[name] = &releases[i]
		}
	}
	for i := range own {
		c := &own[i]
		s.webhook(in, c, serves[c.Name])
		delete(serves, c.Name)
	}
	for name, r := range serves {
		s.problem(fmt.Sprintf("Deployment %s answers reviews for the ValidatingWebhookConfiguration %s, which does not exist: objects are stored without a review", r.Key, name),
			"helm upgrade with admission.enabled=true, or kubectl apply -f deploy/manifests/admission.yaml")
	}
	if len(s.all) == 0 {
		s.ok("it is not used (admission.enabled)")
	}
	return s.all
}

// webhook checks one configuration. r answers its reviews; nil means that no release does.
func (s *section) webhook(in *Installation, c *admissionregistrationv1.ValidatingWebhookConfiguration, r *Release) {
	consequence := "objects are stored without a review"
	for i := range c.Webhooks {
		if p := c.Webhooks[i].FailurePolicy; p != nil && *p == admissionregistrationv1.Fail {
			consequence = "no ScaledObject can be created or changed"
		}
	}
	if r == nil && in.Deployments.Err == nil {
		s.problem(fmt.Sprintf("no Deployment answers the reviews of ValidatingWebhookConfiguration %s: %s", c.Name, consequence),
			"helm upgrade with admission.enabled=true, or kubectl delete validatingwebhookconfiguration "+c.Name)
	}
	good := s.endpoints(in, c, consequence)
	good = s.bundle(in, c, consequence) && good
	if r != nil && r.flags["admission-cert-file"] == "" {
		good = s.serving(in, Key{r.Namespace, admissionSecret}) && good
	}
	if good && r != nil {
		s.ok("ValidatingWebhookConfiguration %s has endpoints and a valid certificate", c.Name)
	}
}

// endpoints checks that the Services of the webhooks have endpoints, and reports whether they have.
func (s *section) endpoints(in *Installation, c *admissionregistrationv1.ValidatingWebhookConfiguration, consequence string) bool {
	good := true
	for service := range ServicesOf(c) {
		ready, ok := in.Ready[service]
		switch {
		case ok && ready.Err != nil:
			s.notRead("the endpoints of Service "+service.String(), ready.Err)
			good = false
		case ready.Value == 0:
			s.problem(fmt.Sprintf("Service %s of the admission webhook has no ready endpoint: %s", service, consequence),
				fmt.Sprintf("make the replicas Ready (see Release), and compare the selector with their labels: kubectl -n %s get service,endpointslices", service.Namespace))
			good = false
		}
	}
	return good
}

// ServicesOf returns the Services to which the API server sends the reviews of a configuration.
func ServicesOf(c *admissionregistrationv1.ValidatingWebhookConfiguration) map[Key]bool {
	all := map[Key]bool{}
	for i := range c.Webhooks {
		if service := c.Webhooks[i].ClientConfig.Service; service != nil {
			all[Key{service.Namespace, service.Name}] = true
		}
	}
	return all
}

// bundle checks the CA certificates of a configuration, and reports whether they are valid.
func (s *section) bundle(in *Installation, c *admissionregistrationv1.ValidatingWebhookConfiguration, consequence string) bool {
	remedy := "the leader writes it: see Leader and Permissions; with cert-manager, see the Certificate and its annotation cert-manager.io/inject-ca-from"
	for i := range c.Webhooks {
		bundle := c.Webhooks[i].ClientConfig.CABundle
		what := "the caBundle of ValidatingWebhookConfiguration " + c.Name
		if len(bundle) == 0 {
			s.problem(fmt.Sprintf("%s is empty: %s", what, consequence), remedy)
			return false
		}
		ends, err := lastEnd(bundle)
		switch {
		case err != nil:
			s.problem(fmt.Sprintf("%s is not valid: %s: %s", what, err, consequence), remedy)
			return false
		case ends.Before(in.Now):
			s.problem(fmt.Sprintf("%s has expired at %s: %s", what, ends.UTC().Format(time.RFC3339), consequence), remedy)
			return false
		}
	}
	return true
}

// serving checks the certificate with which the replicas answer, and reports whether it is valid.
func (s *section) serving(in *Installation, name Key) bool {
	secret, ok := in.Secrets[name]
	switch {
	case !ok:
		return true
	case secret.Err != nil:
		s.notRead("the certificate of the admission webhook", secret.Err)
		return false
	case secret.Value == nil:
		s.problem(fmt.Sprintf("there is no Secret %s, in which the leader stores the certificate of the admission webhook", name), "helm upgrade with admission.enabled=true, or kubectl apply -f deploy/manifests/admission.yaml")
		return false
	}
	return s.certificate(in, "the certificate of the admission webhook in Secret "+name.String(), secret.Value.Certificates["tls.crt"],
		"the leader renews it: see Leader and Permissions, or delete the keys of the Secret, and it makes a new one")
}

// certificate checks a certificate, and reports whether it is valid for a while.
func (s *section) certificate(in *Installation, what string, content []byte, remedy string) bool {
	certificate, err := first(content)
	switch {
	case err != nil:
		s.problem(fmt.Sprintf("%s is not valid: %s", what, err), remedy)
	case certificate.NotAfter.Before(in.Now):
		s.problem(fmt.Sprintf("%s has expired at %s", what, certificate.NotAfter.UTC().Format(time.RFC3339)), remedy)
	case certificate.NotBefore.After(in.Now):
		s.problem(fmt.Sprintf("%s is valid only from %s on", what, certificate.NotBefore.UTC().Format(time.RFC3339)), "compare the clocks: "+remedy)
	case certificate.NotAfter.Before(in.Now.Add(soon)):
		s.warning(fmt.Sprintf("%s ends in %d days", what, int(certificate.NotAfter.Sub(in.Now)/(24*time.Hour))), remedy)
	default:
		return true
	}
	return false
}

var errNoCertificate = errors.New("it has no certificate")

// first returns the first certificate of a PEM file.
func first(content []byte) (*x509.Certificate, error) {
	for len(bytes.TrimSpace(content)) > 0 {
		block, rest := pem.Decode(content)
		if block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
		content = rest
	}
	return nil, errNoCertificate
}

// lastEnd returns when the last of the certificates of a PEM file ends: while CA certificates are renewed, a bundle has old and new ones.
func lastEnd(content []byte) (time.Time, error) {
	var last time.Time
	for {
		block, rest := pem.Decode(content)
		if block == nil {
			break
		}
		if content = rest; block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return last, err
		}
		if certificate.NotAfter.After(last) {
			last = certificate.NotAfter
		}
	}
	if last.IsZero() {
		return last, errNoCertificate
	}
	return last, nil
}
