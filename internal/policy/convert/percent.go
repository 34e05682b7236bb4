package convert

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// maxPods is how many pods a cluster of Kubernetes is made for: no workload has more replicas.
	maxPods = 150_000
	// maxExamples is how many counts are named at which an HPA and a policy differ.
	maxExamples = 3
)

// notePercentages says of each policy at which counts an HPA computes another percentage than here: it does so in floating point.
// least and most are the limits of the HPA.
func (f *diagnostics) notePercentages(path string, b *v1alpha1.Behavior, least, most int32) {
	f.notePercentagesOf(path+".scaleUp", "up", b.ScaleUp, percentUp, least, most)
	f.notePercentagesOf(path+".scaleDown", "down", b.ScaleDown, percentDown, least, most)
}

// notePercentagesOf is percentages for one direction.
func (f *diagnostics) notePercentagesOf(path, direction string, rules *v1alpha1.ScalingRules, reach percentFunc, least, most int32) {
	if *rules.SelectPolicy == "Disabled" {
		return
	}
	for i, p := range rules.Policies {
		if p.Type != "Percent" {
			continue
		}
		theirs, ours := reach.differences(int64(p.Value), int64(least), int64(most))
		if len(theirs) == 0 {
			continue
		}
		f.add(item(path+".policies", i), fmt.Sprintf("is computed in floating point by an HPA: %d %% %s %s", p.Value, direction, strings.Join(theirs, ", ")),
			"here it is exact: "+strings.Join(ours, ", "))
	}
}

// percentFunc is how far a policy of so many percent lets a count go from start, for an HPA and here.
type percentFunc func(start, percent int64) (theirs, ours int64)

// differences returns the first counts between the limits at which the two differ, as far as the limits let them.
func (r percentFunc) differences(percent, least, most int64) (theirs, ours []string) {
	for start := int64(1); start <= min(most, maxPods) && len(theirs) < maxExamples; start++ {
		there, here := r(start, percent)
		there, here = min(max(there, least), most), min(max(here, least), most)
		if there != here {
			theirs, ours = append(theirs, fmt.Sprintf("from %d is %d", start, there)), append(ours, strconv.FormatInt(here, 10))
		}
	}
	return theirs, ours
}

// percentUp is how far a policy lets the count rise from start, for an HPA and here: rounded up.
func percentUp(start, percent int64) (theirs, ours int64) {
	product := float64(start) * (1 + float64(percent)/100)
	return int64(math.Ceil(product)), (start*(100+percent) + 99) / 100
}

// percentDown is how far a policy lets the count fall from start, for an HPA and here: rounded towards zero.
func percentDown(start, percent int64) (theirs, ours int64) {
	product := float64(start) * (1 - float64(percent)/100)
	return int64(product), start * (100 - percent) / 100
}
