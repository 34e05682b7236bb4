package doctor

import "fmt"

// Result is the result of a check.
type Result string

// The results, from the best to the worst. Unknown means that the check could not be made.
const (
	OK      Result = "ok"
	Unknown Result = "unknown"
	Warning Result = "warning"
	Problem Result = "problem"
)

// Finding is what one check found.
type Finding struct {
	// Check is the check, which is a section of docs/doctor.md.
	Check   Check  `json:"check"`
	Result  Result `json:"result"`
	Message string `json:"message"`
	// Remedy is what to do; "" with OK.
	Remedy string `json:"remedy,omitempty"`
	// Page describes the finding and its remedies.
	Page string `json:"page,omitempty"`
}

// Check is a group of findings.
type Check string

// The checks, in their order.
const (
	checkCluster      Check = "cluster"
	checkDefinitions  Check = "definitions"
	checkRelease      Check = "release"
	checkLeader       Check = "leader"
	checkPermissions  Check = "permissions"
	checkUser         Check = "your-permissions"
	checkObjects      Check = "scaledobjects"
	checkConflicts    Check = "conflicts"
	checkAdmission    Check = "admission-webhook"
	checkReceiver     Check = "receiver"
	checkAlertmanager Check = "alertmanager"
)

// titles are the titles of the checks in the output and in docs/doctor.md.
var titles = map[Check]string{
	checkCluster:      "Cluster",
	checkDefinitions:  "Definitions",
	checkRelease:      "Release",
	checkLeader:       "Leader",
	checkPermissions:  "Permissions",
	checkUser:         "Your permissions",
	checkObjects:      "ScaledObjects",
	checkConflicts:    "Conflicts",
	checkAdmission:    "Admission webhook",
	checkReceiver:     "Receiver",
	checkAlertmanager: "Alertmanager",
}

// page is the page that describes every check.
const page = "docs/doctor.md"

// Diagnose makes all checks, in order. After a cluster that cannot be reached it makes no others.
func Diagnose(in *Installation) []Finding {
	if in.Cluster.Err != nil {
		return cluster(in)
	}
	var all []Finding
	for _, check := range []func(*Installation) []Finding{
		cluster, definitions, release, leader, permissions, userPermissions, scaledObjects, conflicts, admission, receiver, alertmanager,
	} {
		all = append(all, check(in)...)
	}
	return all
}

// Count returns the number of findings with a result.
func Count(all []Finding, result Result) int {
	n := 0
	for i := range all {
		if all[i].Result == result {
			n++
		}
	}
	return n
}

// section collects the findings of one check.
type section struct {
	check Check
	all   []Finding
}

func (s *section) add(result Result, message, remedy string) {
	f := Finding{Check: s.check, Result: result, Message: message, Remedy: remedy}
	if result != OK {
		f.Page = page + "#" + string(s.check)
	}
	s.all = append(s.all, f)
}

func (s *section) ok(format string, args ...any)  { s.add(OK, fmt.Sprintf(format, args...), "") }
func (s *section) warning(message, remedy string) { s.add(Warning, message, remedy) }
func (s *section) problem(message, remedy string) { s.add(Problem, message, remedy) }
func (s *section) unknown(message, remedy string) { s.add(Unknown, message, remedy) }
func (s *section) notRead(what string, err error) { s.notReadFor(what, err, readRemedy) }
func (s *section) notReadFor(what string, err error, remedy string) {
	s.unknown(fmt.Sprintf("%s could not be read: %s", what, err), remedy)
}

// readRemedy is what to do about a read that the API server refused.
const readRemedy = "run impulse doctor as a user who may read this, such as with --as or --context"
