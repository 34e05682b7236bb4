package webhook

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

const (
	// maxAge is the greatest age of a message that is accepted. SNS retries for an hour.
	maxAge = time.Hour + 5*time.Minute
	// maxSkew is how far the time of a message may be in the future.
	maxSkew = 15 * time.Minute
)

// envelope is the JSON that SNS posts.
type envelope struct {
	Type, Message, Subject, Token, SubscribeURL, TopicArn string
	MessageID                                             string `json:"MessageId"`
	// SignedTimestamp is Timestamp as SNS sent it: the signature covers this text.
	SignedTimestamp  string `json:"Timestamp"`
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

// notification is a message that SNS has signed.
type notification struct {
	envelope

	Timestamp time.Time
	// body is the decoded message, or its text if it is not JSON.
	body any
}

// topic verifies the messages of one topic. Certificates and confirmations are fetched only from the host of SNS in the topic's region.
type topic struct {
	arn, host string
	client    *http.Client
	certs     certificates
}

// topicARN is the form of the ARN of a topic.
var topicARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}):[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)

// hostOf returns the host of SNS in the region of a topic.
func hostOf(arn string) (string, error) {
	parts := topicARN.FindStringSubmatch(arn)
	switch {
	case arn == "":
		return "", errors.New("is required with format sns")
	case parts == nil:
		return "", errors.New("is not the ARN of an SNS topic")
	case parts[1] == "aws-cn":
		return "sns." + parts[2] + ".amazonaws.com.cn", nil
	}
	return "sns." + parts[2] + ".amazonaws.com", nil
}

// newTopic returns the topic of an ARN. It does no I/O.
func newTopic(arn string, client *http.Client) (*topic, error) {
	host, err := hostOf(arn)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = &http.Client{}
	}
	noRedirects := *client
	noRedirects.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t := &topic{arn: arn, host: host, client: &noRedirects}
	t.certs.turn, t.certs.cached = make(chan struct{}, 1), map[string]*x509.Certificate{}
	return t, nil
}

// unwrap verifies what SNS posted and returns the message in it. It returns nil for a message about the subscription.
func (t *topic) unwrap(ctx context.Context, m triggers.Message) (*notification, error) {
	n := &notification{}
	if err := json.Unmarshal(m.Raw, &n.envelope); err != nil {
		return nil, errors.New("it is not an SNS message: turn off raw message delivery in the subscription")
	}
	if err := t.verify(ctx, n, m.At); err != nil {
		return nil, err
	}
	switch n.Type {
	case "Notification":
	case "SubscriptionConfirmation":
		return nil, t.confirm(ctx, n.SubscribeURL)
	default: // UnsubscribeConfirmation.
		return nil, nil // It is valid, and has no message.
	}
	body, err := triggers.DecodeJSON([]byte(n.Message))
	if err != nil {
		body = n.Message
	}
	n.body = body
	return n, nil
}

// verify returns an error for a message that cannot be trusted. The cheapest checks come first.
func (t *topic) verify(ctx context.Context, n *notification, received time.Time) error {
	if n.TopicArn != t.arn {
		return fmt.Errorf("%w: it is not from the topic %s", triggers.ErrUnverified, t.arn)
	}
	text, err := n.signedText()
	if err != nil {
		return err
	}
	if n.Timestamp, err = time.Parse(time.RFC3339, n.SignedTimestamp); err != nil {
		return errors.New("its Timestamp is not an RFC 3339 time")
	}
	switch age := received.Sub(n.Timestamp); {
	case age > maxAge:
		return fmt.Errorf("%w: its Timestamp %s is too old: it may be a replay", triggers.ErrUnverified, n.SignedTimestamp)
	case age < -maxSkew:
		return fmt.Errorf("%w: its Timestamp %s is in the future", triggers.ErrUnverified, n.SignedTimestamp)
	}
	if err := t.checkHost(n.SigningCertURL); err != nil {
		return fmt.Errorf("%w: SigningCertURL %w", triggers.ErrUnverified, err)
	}
	key, err := t.certs.key(ctx, t.client, n.SigningCertURL, received)
	if err != nil {
		return err
	}
	return checkSignature(key, n, text)
}

// checkHost returns an error for a URL that is not on the SNS host of the topic's region: a sender must not choose where Impulse connects.
func (t *topic) checkHost(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != t.host || u.User != nil || u.Opaque != "" {
		return fmt.Errorf("is not on https://%s", t.host)
	}
	return nil
}

// confirm confirms a subscription. It is idempotent.
func (t *topic) confirm(ctx context.Context, address string) error {
	if err := t.checkHost(address); err != nil {
		return fmt.Errorf("%w: SubscribeURL %w", triggers.ErrUnverified, err)
	}
	if _, err := fetch(ctx, t.client, address); err != nil {
		return fmt.Errorf("%w: confirm the subscription: %w", triggers.ErrUnavailable, err)
	}
	return nil
}
