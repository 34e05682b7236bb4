package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

const (
	// Path is the path of the webhook.
	Path = "/v1/admission"
	// maxBody bounds a request, in bytes. The API server accepts objects of up to 3 MiB, and sends two versions of an object.
	maxBody = 8 << 20
	// maxReviews bounds the reviews at the same time.
	maxReviews = 8
	// reviewTimeout bounds one review. The API server waits for 3 s (deploy/manifests/admission.yaml).
	reviewTimeout = 2 * time.Second
)

// Options configure a Reviewer. All are required.
type Options struct {
	Cluster manifest.Cluster
	// Claimant returns another ScaledObject, as a name in the same namespace, that scales a target; "" if none is known.
	Claimant func(target actuator.Target, except types.NamespacedName) string
	// HPA returns the HorizontalPodAutoscaler that scales a target; "" if none is known.
	HPA func(target actuator.Target) string
	// PodSpec returns the pod template of a target; nil if it is unknown.
	PodSpec func(ctx context.Context, target actuator.Target) *corev1.PodSpec
	// DefaultRequest reports whether a namespace has a default for the requests of a resource.
	DefaultRequest func(ctx context.Context, namespace string, resource corev1.ResourceName) (bool, error)
	Registry       *prometheus.Registry
	Log            *slog.Logger
}

// Reviewer is the HTTP handler of the webhook.
type Reviewer struct {
	options  Options
	slots    chan struct{}
	reviews  *prometheus.CounterVec
	duration prometheus.Histogram
}

// NewReviewer returns a Reviewer.
func NewReviewer(o Options) *Reviewer {
	s := &Reviewer{
		options: o, slots: make(chan struct{}, maxReviews),
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_admission_reviews_total",
			Help: "Objects that the API server sent to the admission webhook, by result: admitted, warned (admitted with warnings), refused, exempt (not checked) or invalid (no review was possible).",
		}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "impulse_admission_duration_seconds", Help: "Time of a review of the admission webhook, in seconds.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 2},
		}),
	}
	o.Registry.MustRegister(s.reviews, s.duration)
	for _, result := range []string{resultAdmitted, resultWarned, resultRefused, resultExempt, resultInvalid} {
		s.reviews.WithLabelValues(result)
	}
	return s
}

var (
	errMethod  = errors.New("POST was expected")
	errVersion = errors.New("an AdmissionReview of admission.k8s.io/v1 with a request was expected")
)

// ServeHTTP answers one AdmissionReview.
func (s *Reviewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	defer func() { s.duration.Observe(time.Since(begin).Seconds()) }()
	ctx, cancel := context.WithTimeout(r.Context(), reviewTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		s.fail(w, http.StatusServiceUnavailable, fmt.Errorf("%d reviews are in progress", maxReviews))
		return
	}
	review, err := read(w, r)
	if err != nil {
		s.fail(w, http.StatusBadRequest, err)
		return
	}
	v, err := s.check(ctx, review.Request)
	if err != nil {
		s.fail(w, http.StatusBadRequest, err)
		return
	}
	s.reviews.WithLabelValues(v.result()).Inc()
	if len(v.mistakes) > 0 {
		s.options.Log.Debug("object refused", "kind", review.Request.Kind.Kind, "namespace", review.Request.Namespace, "name", review.Request.Name, "mistakes", len(v.mistakes))
	}
	answer := admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: v.response(review.Request)}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // An error means that the API server has gone away.
}

// read reads the AdmissionReview of a request.
func read(w http.ResponseWriter, r *http.Request) (*admissionv1.AdmissionReview, error) {
	if r.Method != http.MethodPost {
		return nil, errMethod
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	review := &admissionv1.AdmissionReview{}
	if err := json.Unmarshal(body, review); err != nil {
		return nil, fmt.Errorf("decode the AdmissionReview: %w", err)
	}
	if review.APIVersion != admissionv1.SchemeGroupVersion.String() || review.Kind != "AdmissionReview" || review.Request == nil {
		return nil, errVersion
	}
	return review, nil
}

// fail answers a request that is no review. The API server then does as failurePolicy demands.
func (s *Reviewer) fail(w http.ResponseWriter, code int, err error) {
	s.reviews.WithLabelValues(resultInvalid).Inc()
	http.Error(w, err.Error(), code)
}
