package servingcert

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/control/election"
)

const (
	// SecretName is the Secret of the certificate, in the namespace of the Lease.
	SecretName = "impulse-admission"
	// interval is the time between two looks at the Secret and the ValidatingWebhookConfiguration, and firstInterval while there is no
	// certificate.
	interval      = 30 * time.Second
	firstInterval = 2 * time.Second
	// timeout bounds one look.
	timeout = 10 * time.Second
)

// Secrets is the part of a client of Secrets in one namespace that is used.
type Secrets interface {
	Get(ctx context.Context, name string, o metav1.GetOptions) (*corev1.Secret, error)
	Create(ctx context.Context, s *corev1.Secret, o metav1.CreateOptions) (*corev1.Secret, error)
	Update(ctx context.Context, s *corev1.Secret, o metav1.UpdateOptions) (*corev1.Secret, error)
}

// Webhooks is the part of a client of ValidatingWebhookConfigurations that is used.
type Webhooks interface {
	Get(ctx context.Context, name string, o metav1.GetOptions) (*admissionregistrationv1.ValidatingWebhookConfiguration, error)
	Patch(ctx context.Context, name string, t types.PatchType, patch []byte, o metav1.PatchOptions, subresources ...string) (*admissionregistrationv1.ValidatingWebhookConfiguration, error)
}

// Options configure a Certificate. All are required.
type Options struct {
	Secrets  Secrets
	Webhooks Webhooks
	// Webhook is the name of the ValidatingWebhookConfiguration. Its clientConfigs have the names that the certificate is for.
	Webhook string
	// WhileLeading calls write while this process leads, and otherwise returns election.ErrNotLeading.
	WhileLeading func(ctx context.Context, write func(context.Context) error) error
	Now          func() time.Time
	Registry     *prometheus.Registry
	Log          *slog.Logger
}

// Certificate is the certificate of the webhook in this process.
type Certificate struct {
	options Options
	served  atomic.Pointer[tls.Certificate]
	failure string // The error that was logged last.
}

// New returns a Certificate. It does no I/O.
func New(o Options) *Certificate {
	c := &Certificate{options: o}
	registerEnd(o.Registry, c.served.Load)
	return c
}

// registerEnd registers the metric of the end of a certificate.
func registerEnd(registry *prometheus.Registry, served func() *tls.Certificate) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "impulse_admission_certificate_expiry_timestamp_seconds",
		Help: "Time at which the certificate of the admission webhook ends, in seconds since 1970; 0 while there is none.",
	}, func() float64 {
		if c := served(); c != nil {
			return float64(c.Leaf.NotAfter.Unix())
		}
		return 0
	}))
}

// Get returns the certificate for a new connection.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if served := c.served.Load(); served != nil {
		return served, nil
	}
	return nil, errNone
}

// Run reads the certificate, and renews and publishes it while this process leads, until ctx is done.
func (c *Certificate) Run(ctx context.Context) error {
	for {
		c.log(c.step(ctx))
		wait := interval
		if c.served.Load() == nil {
			wait = firstInterval
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// log logs an error when it is a new one.
func (c *Certificate) log(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == c.failure {
		return
	}
	c.failure = text
	if err == nil {
		c.options.Log.Info("the certificate of the admission webhook is in order again")
		return
	}
	attrs := []any{"error", err}
	if served := c.served.Load(); served != nil {
		attrs = append(attrs, "daysLeft", days(served, c.options.Now()))
	}
	c.options.Log.Warn("the certificate of the admission webhook could not be read, renewed or published", attrs...)
}

func days(served *tls.Certificate, now time.Time) int {
	return int(served.Leaf.NotAfter.Sub(now) / (24 * time.Hour))
}

// step reads the Secret, and renews and publishes its content if this process leads.
func (c *Certificate) step(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	secret, err := c.options.Secrets.Get(ctx, SecretName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: SecretName}}
	case err != nil:
		return fmt.Errorf("read Secret %s: %w", SecretName, err)
	}
	m := materialOf(secret)
	err = c.options.WhileLeading(ctx, func(ctx context.Context) error {
		var err error
		m, err = c.maintain(ctx, secret, m)
		return err
	})
	if errors.Is(err, election.ErrNotLeading) {
		err = nil
	}
	return errors.Join(err, c.serve(m.Current))
}

// maintain renews the material, and publishes its CA certificates.
func (c *Certificate) maintain(ctx context.Context, secret *corev1.Secret, m Material) (Material, error) {
	webhooks, err := c.options.Webhooks.Get(ctx, c.options.Webhook, metav1.GetOptions{})
	if err != nil {
		return m, fmt.Errorf("read ValidatingWebhookConfiguration %s, which has the names of the certificate: %w", c.options.Webhook, err)
	}
	renewed, action, err := Renew(m, namesOf(webhooks), c.options.Now(), published(webhooks, m.Authorities))
	if err != nil {
		return m, fmt.Errorf("renew the certificate: %w", err)
	}
	if action != Unchanged {
		if err := c.save(ctx, secret, renewed); err != nil {
			return m, err
		}
		c.options.Log.Info("certificate of the admission webhook", "action", string(action), "until", renewed.Current.end().UTC())
	}
	return renewed, c.publish(ctx, webhooks, renewed.Authorities, action == Unchanged)
}

// save writes the Secret as it was read, with another content. If another client has changed it, the next step reads it again.
func (c *Certificate) save(ctx context.Context, secret *corev1.Secret, m Material) error {
	secret = secret.DeepCopy()
	m.write(secret)
	var err error
	if secret.ResourceVersion == "" {
		_, err = c.options.Secrets.Create(ctx, secret, metav1.CreateOptions{})
	} else {
		_, err = c.options.Secrets.Update(ctx, secret, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("write Secret %s: %w", SecretName, err)
	}
	return nil
}

// publish writes the CA certificates into each clientConfig that has others. unexpected means that this process did not change them.
func (c *Certificate) publish(ctx context.Context, webhooks *admissionregistrationv1.ValidatingWebhookConfiguration, authorities []byte, unexpected bool) error {
	patch, err := bundlePatch(webhooks, authorities)
	if err != nil || patch == nil {
		return err
	}
	if err := c.patch(ctx, patch); err != nil {
		return fmt.Errorf("write the caBundle of ValidatingWebhookConfiguration %s: %w", c.options.Webhook, err)
	}
	c.options.Log.Info("caBundle of the admission webhook written", "webhook", c.options.Webhook, "repaired", unexpected)
	return nil
}

// serve uses a pair for new connections, if it is another one.
func (c *Certificate) serve(p Pair) error {
	if old := c.served.Load(); old != nil && bytes.Equal(block("CERTIFICATE", old.Certificate[0]), p.Certificate) {
		return nil
	}
	if len(p.Certificate) == 0 {
		return nil // The leader has not made it yet.
	}
	pair, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		return fmt.Errorf("the certificate in Secret %s: %w", SecretName, err)
	}
	c.served.Store(&pair)
	c.options.Log.Info("admission webhook serves a certificate", "until", pair.Leaf.NotAfter.UTC(), "daysLeft", days(&pair, c.options.Now()))
	return nil
}
