package doctor

import (
	"fmt"
	"slices"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Answer is the API server's answer to whether somebody has a permission.
type Answer struct {
	Need

	Allowed bool
	// Err is why there is no answer.
	Err error
}

// permissions checks those of Impulse's ServiceAccount.
func permissions(in *Installation) []Finding {
	s := section{check: checkPermissions}
	if in.Granted.Err != nil {
		s.notRead("the permissions of Impulse's ServiceAccount", in.Granted.Err)
		return s.all
	}
	all := in.Granted.Value
	if len(all) == 0 {
		s.unknown("the permissions of Impulse's ServiceAccount are not known, because its Deployment is not", "see Release")
		return s.all
	}
	var lacking []Need
	allowed := 0
	var failed error
	unanswered := 0
	for i := range all {
		switch {
		case all[i].Err != nil:
			failed = all[i].Err
			unanswered++
		case !all[i].Allowed:
			lacking = append(lacking, all[i].Need)
		default:
			allowed++
		}
	}
	s.lacking(in, lacking)
	if unanswered > 0 {
		s.unknown(fmt.Sprintf("%d permissions could not be checked: %s", unanswered, failed),
			"run impulse doctor as a user who may create subjectaccessreviews.authorization.k8s.io, such as a cluster administrator")
	}
	if len(lacking) == 0 && allowed > 0 {
		s.ok("the ServiceAccount has all %d permissions that were checked", allowed)
	}
	return s.all
}

// lacking reports permissions that are missing, by the part of the chart that grants them.
func (s *section) lacking(in *Installation, all []Need) {
	of := "the ServiceAccount"
	if releases := Releases(in.Deployments.Value); len(releases) > 0 {
		of = "ServiceAccount " + Key{releases[0].Namespace, releases[0].ServiceAccount}.String()
	}
	remedies := map[string]string{
		"rbac":      "helm upgrade with rbac.create=true, or kubectl apply -k deploy/manifests",
		"watchKeda": "helm upgrade with watchKeda=true, or kubectl apply -f deploy/manifests/keda.yaml",
		"admission": "helm upgrade with admission.enabled=true, or kubectl apply -f deploy/manifests/admission.yaml",
	}
	for _, where := range []string{"rbac", "watchKeda", "admission"} {
		var names []string
		for _, one := range all {
			if one.Where == where {
				names = append(names, one.String())
			}
		}
		slices.Sort(names)
		if len(names) > 0 {
			s.problem(fmt.Sprintf("%s lacks the permission to %s", of, list(names, maxFields)), "grant it: "+remedies[where]+" of the version that runs")
		}
	}
}

// userPermissions checks what the user of this program may do with its other commands.
func userPermissions(in *Installation) []Finding {
	s := section{check: checkUser}
	if in.User.Err != nil {
		s.notRead("your permissions", in.User.Err)
		return s.all
	}
	var missing, failed []string
	for _, a := range in.User.Value {
		switch {
		case a.Err != nil:
			failed = append(failed, a.String())
		case !a.Allowed:
			missing = append(missing, fmt.Sprintf("%s (for impulse %s)", a.Need, a.Where))
		}
	}
	if len(missing) > 0 {
		s.warning("you lack the permission to "+list(missing, maxFields), "ask an administrator of the cluster for a role with them, or use another context")
	}
	if len(failed) > 0 {
		s.unknown("could not be checked whether you may "+list(failed, maxFields), readRemedy)
	}
	if len(missing) == 0 && len(failed) == 0 && len(in.User.Value) > 0 {
		s.ok("you may list and change ScaledObjects, and list alerts")
	}
	return s.all
}

// UserNeeds returns the permissions that the commands of this program need from the user. Where is the command.
func UserNeeds(namespace, leaseNamespace string) []Need {
	const group = v1alpha1.GroupName
	return []Need{
		{Verb: "list", Group: group, Resource: "scaledobjects", Namespace: namespace, Where: "get"},
		{Verb: "watch", Group: group, Resource: "scaledobjects", Namespace: namespace, Where: "top"},
		{Verb: "patch", Group: group, Resource: "scaledobjects", Namespace: namespace, Where: "pause"},
		{Verb: "list", Group: group, Resource: "alertsets", Namespace: leaseNamespace, Where: "alerts"},
	}
}
