package convert

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// maxPods is the number of pods that a Kubernetes cluster supports: no workload has more replicas.
	maxPods = 150_000
	// maxExamples bounds the counts that are listed at which an HPA and a policy differ.
	maxExamples = 3
)

// addPercentageNotes adds the counts at which an HPA, which uses floating point, computes another percentage of a policy than Impulse.
// least and most are the limits of the HPA.
func (f *diagnostics) addPercentageNotes(path string, b *v1alpha1.Behavior, least, most int32) {
	f.addPercentageNotesOf(path+".scaleUp", "up", b.ScaleUp, percentUp, least, most)
	f.addPercentageNotesOf(path+".scaleDown", "down", b.ScaleDown, percentDown, least, most)
}

// addPercentageNotesOf is addPercentageNotes for one direction.
func (f *diagnostics) addPercentageNotesOf(path, direction string, rules *v1alpha1.ScalingRules, reach percentFunc, least, most int32) {
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

// percentFunc returns the limit that a policy of so many percent sets to a change from start, in an HPA and here.
type percentFunc func(start, percent int64) (theirs, ours int64)

// differences returns the first counts at which the two differ within the limits.
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

// percentUp returns the highest count that a policy allows from start, in an HPA and here: rounded up.
func percentUp(start, percent int64) (theirs, ours int64) {
	product := float64(start) * (1 + float64(percent)/100)
	return int64(math.Ceil(product)), (start*(100+percent) + 99) / 100
}

// percentDown returns the lowest count that a policy allows from start, in an HPA and here: rounded towards zero.
func percentDown(start, percent int64) (theirs, ours int64) {
	product := float64(start) * (1 - float64(percent)/100)
	return int64(product), start * (100 - percent) / 100
}
