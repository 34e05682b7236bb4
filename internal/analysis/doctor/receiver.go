package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// receiverPort is the name of the port of the Deployment that senders post to.
const receiverPort = "http"

// receiver checks that senders in the cluster can reach Impulse, and have a token.
func receiver(in *Installation) []Finding {
	s := section{check: checkReceiver}
	releases := Releases(in.Deployments.Value)
	if in.Deployments.Err != nil || len(releases) == 0 {
		s.unknown("the receiver was not checked, because its Deployment is not known", "see Release")
		return s.all
	}
	if in.Services.Err != nil {
		s.notRead("the Services", in.Services.Err)
	}
	for i := range releases {
		r := &releases[i]
		if in.Services.Err == nil {
			s.service(in, r)
		}
		s.tokens(in, r)
		if name := r.secretOf("tls-cert-file"); name != "" {
			s.tls(in, Key{r.Namespace, name})
		}
	}
	return s.all
}

// ReceiverService returns the Service of the receiver of a release; nil if there is none.
func ReceiverService(all []corev1.Service, r *Release) *corev1.Service {
	for i := range all {
		service := &all[i]
		selects := service.Namespace == r.Namespace && len(service.Spec.Selector) > 0
		for key, value := range service.Spec.Selector {
			selects = selects && r.Labels[key] == value
		}
		if selects && slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool {
			return p.TargetPort.String() == receiverPort || p.Name == receiverPort
		}) {
			return service
		}
	}
	return nil
}

// service checks the Service of a release.
func (s *section) service(in *Installation, r *Release) {
	service := ReceiverService(in.Services.Value, r)
	if service == nil {
		s.problem(fmt.Sprintf("no Service selects the Pods of Deployment %s: senders cannot reach Impulse", r.Key), "helm upgrade, or kubectl apply -k deploy/manifests, creates it")
		return
	}
	name := Key{service.Namespace, service.Name}
	switch ready, ok := in.Ready[name]; {
	case ok && ready.Err != nil:
		s.notRead("the endpoints of Service "+name.String(), ready.Err)
	case ready.Value == 0:
		s.problem(fmt.Sprintf("Service %s has no ready endpoint: messages of senders are refused", name), "make the replicas Ready (see Release); a replica that does not lead is Ready while it reaches the leader")
	default:
		s.ok("%s/v1/alertmanager/NAMESPACE receives alerts, at %d endpoints", urlOf(service, r), ready.Value)
	}
}

// urlOf returns the URL of a receiver in the cluster.
func urlOf(service *corev1.Service, r *Release) string {
	scheme, usual := schemeOf(r), int32(80)
	if scheme == "https" {
		usual = 443
	}
	url := scheme + "://" + service.Name + "." + service.Namespace
	if port := portOf(service); port != usual {
		url += ":" + strconv.Itoa(int(port))
	}
	return url
}

func schemeOf(r *Release) string {
	if r.flags["tls-cert-file"] != "" {
		return "https"
	}
	return "http"
}

// portOf returns the port of the receiver of its Service.
func portOf(service *corev1.Service) int32 {
	for _, p := range service.Spec.Ports {
		if p.TargetPort.String() == receiverPort || p.Name == receiverPort {
			return p.Port
		}
	}
	return 0
}

// tokens checks the Secret of the tokens of a release.
func (s *section) tokens(in *Installation, r *Release) {
	name := r.secretOf("tokens-file")
	if name == "" {
		if r.flags["tokens-file"] == "" && r.flags["credentials-file"] == "" {
			s.problem(fmt.Sprintf("Deployment %s has neither --tokens-file nor --credentials-file: nobody can authenticate", r.Key), "helm upgrade with tokens.enabled=true")
		}
		return
	}
	key := Key{r.Namespace, name}
	secret, ok := in.Secrets[key]
	switch {
	case !ok:
		s.unknown(fmt.Sprintf("Secret %s with the tokens was not read", key), readRemedy)
	case secret.Err != nil:
		s.notRead("Secret "+key.String()+" with the tokens", secret.Err)
	case secret.Value == nil:
		s.problem(fmt.Sprintf("there is no Secret %s with the tokens: the replicas cannot start", key), "helm upgrade makes one, or create that of tokens.existingSecret with the key tokens")
	case !slices.Contains(secret.Value.Keys, "tokens"):
		s.problem(fmt.Sprintf("Secret %s has no key tokens: the replicas cannot start", key), "add it, one token per line: "+strings.Join([]string{"TOKEN", "NAMESPACE=TOKEN"}, " or "))
	default:
		s.ok("Secret %s has the tokens of senders", key)
	}
}

// tls checks the certificate of the receiver.
func (s *section) tls(in *Installation, name Key) {
	const remedy = "renew it: with cert-manager, see the Certificate; one of tls.generated is made again by helm upgrade after its Secret is deleted"
	what := "the certificate of the receiver in Secret " + name.String()
	switch secret, ok := in.Secrets[name]; {
	case !ok || secret.Err != nil:
		s.unknown(what+" could not be read", readRemedy)
	case secret.Value == nil:
		s.problem("there is no Secret "+name.String()+" with the certificate of the receiver: the replicas cannot start", "create that of tls.existingSecret, or see the Certificate of cert-manager")
	default:
		if s.certificate(in, what, secret.Value.Certificates["tls.crt"], remedy) {
			s.ok("%s is valid", what)
		}
	}
}
