package manifest

import (
	"strings"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

// Access describes who may use an authentication, and as whom it signs in.
type Access struct {
	// Namespaces may use a ClusterTriggerAuthentication; nil means every namespace.
	Namespaces []string
	// Identity is the provider of its podIdentity; "" without one.
	Identity string
}

// Cluster describes the process and the cluster in which an object is to be used.
type Cluster struct {
	Kinds    []triggers.Kind
	Settings compile.Settings
	// KEDABridge means that the process uses a KEDA bridge. Review then does not warn that one is needed.
	KEDABridge bool
	// Authentication returns the access of "KIND NAMESPACE/NAME"; false if the cluster does not have it.
	Authentication func(key string) (Access, bool)
}

// Reviewed is what Review found in one object.
type Reviewed struct {
	// Object is nil if the object could not be read. Workload is nil if it is not a valid ScaledObject.
	Object   *Object
	Workload *compile.Workload
	// Mistakes are those for which `impulse check` fails, and Warnings the rest.
	Mistakes, Warnings []diag.Error
}

// Review checks one object of impulse.sh that is to be stored in a cluster, as `impulse check` checks a file. content is its JSON.
func Review(content []byte, c Cluster) Reviewed {
	objects, problems := Parse("", content)
	var r Reviewed
	for _, o := range objects {
		r.Object = o
		if o.ScaledObject == nil {
			problems = append(problems, o.conversionWarnings()...)
			continue
		}
		w, mistakes := o.Compile(c.Kinds, c.Settings)
		problems = append(problems, mistakes...)
		problems = append(problems, warningsOf(o, w, references{c.find, "does not exist", "the trigger will be unknown until it is created"})...)
		problems = append(problems, unknownAnnotations(o)...)
		if w != nil {
			problems = append(problems, lintWarnings(o, w)...)
		}
		r.Workload = w
	}
	for _, p := range problems {
		switch {
		case !p.Warning:
			r.Mistakes = append(r.Mistakes, p)
		case !c.KEDABridge || !strings.Contains(p.Suggestion, bridgeaddr.Requirement):
			r.Warnings = append(r.Warnings, p)
		}
	}
	return r
}

func (c Cluster) find(key string) *Object {
	if c.Authentication == nil {
		return &Object{}
	}
	access, found := c.Authentication(key)
	if !found {
		return nil
	}
	return &Object{Authentication: key, allowed: access.Namespaces, identity: access.Identity}
}
