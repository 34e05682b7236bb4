package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// release checks the Deployments that run Impulse.
func release(in *Installation) []Finding {
	s := section{check: checkRelease}
	if in.Deployments.Err != nil {
		s.notRead("the Deployments", in.Deployments.Err)
		return s.all
	}
	all := Releases(in.Deployments.Value)
	if len(all) == 0 {
		s.noRelease(in)
		return s.all
	}
	for i := range all {
		s.replicas(&all[i])
		s.version(in, &all[i])
		if all[i].is("dry-run") {
			s.warning(fmt.Sprintf("Deployment %s runs with --dry-run: it decides, and writes no count", all[i].Key), "helm upgrade with dryRun=false, once you trust the decisions")
		}
	}
	s.overlaps(all, in.LeaseName)
	if !slices.ContainsFunc(all, func(r Release) bool { return r.lease(in.LeaseName).Namespace == in.LeaseNamespace }) {
		s.warning(fmt.Sprintf("no Deployment uses namespace %s, which is what this command checks", in.LeaseNamespace), "set --lease-namespace="+all[0].lease(in.LeaseName).Namespace)
	}
	return s.all
}

// noRelease reports that no Deployment runs Impulse. It may run elsewhere, which the Lease shows.
func (s *section) noRelease(in *Installation) {
	if lease := in.Lease.Value; in.Lease.Err == nil && lease != nil && lease.held(in) {
		s.unknown("no Deployment runs impulse, but its Lease is renewed by "+lease.Holder, "check that process yourself: it runs outside the cluster, or not as a Deployment")
		return
	}
	s.problem("no Deployment runs impulse in the namespaces that were read",
		"install it: helm install impulse deploy/chart --namespace impulse-system --create-namespace; if it is in another namespace, set --lease-namespace")
}

// replicas checks the replicas of a release.
func (s *section) replicas(r *Release) {
	pods := fmt.Sprintf("kubectl -n %s describe pods -l app.kubernetes.io/name=%s", r.Namespace, r.Labels["app.kubernetes.io/name"])
	switch {
	case r.Replicas == 0:
		s.problem(fmt.Sprintf("Deployment %s has 0 replicas: nothing scales", r.Key), fmt.Sprintf("kubectl -n %s scale deployment %s --replicas=2", r.Namespace, r.Name))
	case r.Available == 0:
		s.problem(fmt.Sprintf("Deployment %s has no ready replica of %d: nothing scales, and messages are refused", r.Key, r.Replicas), "look at its Pods: "+pods)
	case r.Available < r.Replicas:
		s.warning(fmt.Sprintf("Deployment %s has %d ready replicas of %d", r.Key, r.Available, r.Replicas), "look at its Pods: "+pods)
	case r.Replicas == 1:
		s.warning(fmt.Sprintf("Deployment %s has one replica: while it restarts, messages are refused and nothing scales", r.Key), "helm upgrade with replicas=2")
	default:
		s.ok("Deployment %s has %d ready replicas", r.Key, r.Available)
	}
}

// version compares the version of a release with that of this program. If the tag of the image is no version, the Lease may have it.
func (s *section) version(in *Installation, r *Release) {
	own, tag := in.Version, r.Tag
	theirs, err := version.ParseSemantic(strings.TrimPrefix(tag, "v"))
	if lease := in.Lease.Value; err != nil && lease != nil && r.lease(in.LeaseName) == (Key{in.LeaseNamespace, in.LeaseName}) {
		tag = lease.Version
		theirs, err = version.ParseSemantic(strings.TrimPrefix(tag, "v"))
	}
	mine, failed := version.ParseSemantic(strings.TrimPrefix(own, "v"))
	switch {
	case err != nil || failed != nil:
		s.unknown(fmt.Sprintf("the image is %s, and this program has the version %s: they cannot be compared", r.Image, own), "compare them yourself: impulse version prints the version of the leader")
	case mine.LessThan(theirs):
		s.warning(fmt.Sprintf("this program has the version %s, and Deployment %s the newer %s", own, r.Key, tag), "install version "+tag+" of this program")
	case theirs.LessThan(mine):
		s.warning(fmt.Sprintf("Deployment %s has the version %s, and this program the newer %s", r.Key, tag, own), "upgrade the release with the chart of version "+own)
	default:
		s.ok("Deployment %s and this program have the version %s", r.Key, own)
	}
}

// overlaps reports releases that scale the objects of one namespace without one Lease, and therefore at the same time.
func (s *section) overlaps(all []Release, leaseName string) {
	for i := range all {
		for j := range all[:i] {
			a, b := &all[j], &all[i]
			if a.Scope() != "" && b.Scope() != "" && a.Scope() != b.Scope() {
				continue
			}
			where := "every namespace"
			if scope := cmp.Or(a.Scope(), b.Scope()); scope != "" {
				where = "namespace " + scope
			}
			if a.lease(leaseName) == b.lease(leaseName) {
				s.warning(fmt.Sprintf("Deployments %s and %s share the Lease %s: only one of the two scales", a.Key, b.Key, a.lease(leaseName)), "remove one of the two")
				continue
			}
			s.problem(fmt.Sprintf("Deployments %s and %s both scale %s, each with a Lease of its own: both write the same counts", a.Key, b.Key, where),
				"remove one of the two, or give each a namespace of its own with scope.namespace")
		}
	}
}
