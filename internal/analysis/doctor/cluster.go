package doctor

import (
	"fmt"
	"strings"
)

// oldestMinor is the oldest minor version of Kubernetes, as in the kubeVersion of the chart.
const oldestMinor = 29

// cluster checks that the API server answers, and its version.
func cluster(in *Installation) []Finding {
	s := section{check: checkCluster}
	if in.Cluster.Err != nil {
		s.problem(in.Cluster.Err.Error(), "check the network, the context of the kubeconfig and the credentials with kubectl version; nothing else was checked")
		return s.all
	}
	c := in.Cluster.Value
	if c.Minor > 0 && c.Minor < oldestMinor {
		s.problem(fmt.Sprintf("%s has Kubernetes %s, and Impulse needs 1.%d or later", c.Host, c.Version, oldestMinor), "upgrade the cluster")
		return s.all
	}
	s.ok("%s answers, with Kubernetes %s", c.Host, c.Version)
	return s.all
}

const (
	// maxFields bounds the fields of a definition, and maxObjects the objects of a check, that are listed.
	maxFields  = 5
	maxObjects = 20
)

// definitions checks that the CustomResourceDefinitions are those of this version.
func definitions(in *Installation) []Finding {
	s := section{check: checkDefinitions}
	if in.Definitions.Err != nil {
		s.notRead("the CustomResourceDefinitions", in.Definitions.Err)
		return s.all
	}
	const apply = "kubectl apply --server-side -f deploy/crds of the version that runs in the cluster, or helm upgrade with crds.install=true"
	for _, d := range in.Definitions.Value {
		switch {
		case d.Absent:
			s.problem(fmt.Sprintf("the CustomResourceDefinition %s is missing", d.Name), "install it: "+apply)
		case len(d.Lacks) > 0:
			s.problem(fmt.Sprintf("the CustomResourceDefinition %s is older than this program (%s): it lacks %s, so the API server drops them", d.Name, in.Version, list(d.Lacks, maxFields)),
				"upgrade it: "+apply)
		case len(d.Extra) > 0:
			s.warning(fmt.Sprintf("the CustomResourceDefinition %s is newer than this program (%s): this program does not know %s", d.Name, in.Version, list(d.Extra, maxFields)),
				"install the version of this program that runs in the cluster: impulse version prints it")
		default:
			s.ok("%s is that of this version", d.Name)
		}
	}
	return s.all
}

// list joins words; of more than limit words, the rest is counted.
func list(words []string, limit int) string {
	if more := len(words) - limit; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:limit], ", "), more)
	}
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return strings.Join(words, "")
}
