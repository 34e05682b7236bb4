package admission

import (
	"fmt"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/printable"
)

// Bounds of a response. The API server cuts warnings of more than 256 characters, and all of them together at 4096.
const (
	maxWarnings = 10
	maxWarning  = 120 - len("…")
	maxMistakes = 50
)

// response returns the response of a verdict about a request.
func (v *verdict) response(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: request.UID, Allowed: len(v.mistakes) == 0, Warnings: warnings(v.warnings)}
	if !response.Allowed {
		response.Result = refusal(request, v.mistakes)
	}
	return response
}

// refusal returns a status like the one with which the API server refuses an object that does not conform to its CRD: kubectl prints
// each mistake in a line of its own, with its field.
func refusal(request *admissionv1.AdmissionRequest, mistakes []diag.Error) *metav1.Status {
	rest := len(mistakes) - maxMistakes
	if rest > 0 {
		mistakes = mistakes[:maxMistakes]
	}
	sentences := make([]string, len(mistakes), len(mistakes)+1)
	details := &metav1.StatusDetails{Group: request.Kind.Group, Kind: request.Kind.Kind, Name: request.Name, UID: request.UID}
	for i, m := range mistakes {
		m = plain(m)
		sentences[i] = m.Error()
		field := m.Field
		m.Field = ""
		details.Causes = append(details.Causes, metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: field, Message: m.Error()})
	}
	if rest > 0 {
		more := andMore(rest)
		sentences = append(sentences, more)
		details.Causes = append(details.Causes, metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: "spec", Message: more})
	}
	return &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid,
		Message: strings.Join(sentences, "; "), Details: details,
	}
}

// warnings returns the first warnings, each in one line.
func warnings(all []diag.Error) []string {
	rest := len(all) - maxWarnings
	if rest > 0 {
		all = all[:maxWarnings]
	}
	var lines []string
	for _, w := range all {
		lines = append(lines, printable.Line(plain(w).Error(), maxWarning))
	}
	if rest > 0 {
		lines = append(lines, andMore(rest))
	}
	return lines
}

func andMore(rest int) string { return fmt.Sprintf("and %d more: impulse check", rest) }

// plain returns a mistake without what the receiver knows: that it is a warning, and of which object.
func plain(m diag.Error) diag.Error {
	m.Warning, m.File, m.Object = false, "", ""
	return m
}
