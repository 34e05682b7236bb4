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
	// oldest is how long after a message was published it is taken: SNS itself tries for an hour.
	oldest = time.Hour + 5*time.Minute
	// ahead is how far a message may be from the future, by our clock.
	ahead = 15 * time.Minute
)

// envelope is what SNS posts around a message.
type envelope struct {
	Type, Message, Subject, Token, SubscribeURL, TopicArn string
	MessageID                                             string `json:"MessageId"`
	// SignedTimestamp is Timestamp as it was signed.
	SignedTimestamp  string `json:"Timestamp"`
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

// notification is a message that SNS vouches for.
type notification struct {
	envelope

	Timestamp time.Time
	// body is the message as JSON, or as text when it is none.
	body any
}

// topic verifies what SNS sends about one topic. All of it comes from one host: that of the topic's region.
type topic struct {
	arn, host string
	client    *http.Client
	certs     certificates
}

// topicARN is what a topic is called.
var topicARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}):[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)

// hostOf returns the only host that speaks for a topic.
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

// newTopic returns the topic of an ARN; it does no I/O.
func newTopic(arn string, client *http.Client) (*topic, error) {
	host, err := hostOf(arn)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = &http.Client{}
	}
	bounded := *client
	bounded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t := &topic{arn: arn, host: host, client: &bounded}
	t.certs.turn, t.certs.known = make(chan struct{}, 1), map[string]*x509.Certificate{}
	return t, nil
}

// open returns the message in what SNS posted; nil when there is none, because it was about the subscription.
func (t *topic) open(ctx context.Context, m triggers.Message) (*notification, error) {
	n := &notification{}
	if err := json.Unmarshal(m.Raw, &n.envelope); err != nil {
		return nil, errors.New("it is not what SNS posts: raw message delivery must be off")
	}
	if err := t.verify(ctx, n, m.At); err != nil {
		return nil, err
	}
	switch n.Type {
	case "Notification":
	case "SubscriptionConfirmation":
		return nil, t.confirm(ctx, n.SubscribeURL)
	default: // Somebody has unsubscribed: that is theirs to do.
		return nil, nil // Nothing is wrong with it, and it holds no message.
	}
	body, err := triggers.DecodeJSON([]byte(n.Message))
	if err != nil {
		body = n.Message
	}
	n.body = body
	return n, nil
}

// verify says why a message is not to be believed. What costs least comes first.
func (t *topic) verify(ctx context.Context, n *notification, received time.Time) error {
	if n.TopicArn != t.arn {
		return fmt.Errorf("%w: it is not about the topic %s", triggers.ErrUnverified, t.arn)
	}
	text, err := n.signed()
	if err != nil {
		return err
	}
	if n.Timestamp, err = time.Parse(time.RFC3339, n.SignedTimestamp); err != nil {
		return errors.New("its Timestamp is no RFC 3339 time")
	}
	switch age := received.Sub(n.Timestamp); {
	case age > oldest:
		return fmt.Errorf("%w: it is of %s: too old, a replay", triggers.ErrUnverified, n.SignedTimestamp)
	case age < -ahead:
		return fmt.Errorf("%w: it is of %s: in the future", triggers.ErrUnverified, n.SignedTimestamp)
	}
	if err := t.speaksFor(n.SigningCertURL); err != nil {
		return fmt.Errorf("%w: SigningCertURL %w", triggers.ErrUnverified, err)
	}
	key, err := t.certs.key(ctx, t.client, n.SigningCertURL, received)
	if err != nil {
		return err
	}
	return checkSignature(key, n, text)
}

// speaksFor refuses a URL that is not on the host of the topic's region: where we go is not for a sender to choose.
func (t *topic) speaksFor(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != t.host || u.User != nil || u.Opaque != "" {
		return fmt.Errorf("is not on https://%s", t.host)
	}
	return nil
}

// confirm subscribes. It may be done again.
func (t *topic) confirm(ctx context.Context, address string) error {
	if err := t.speaksFor(address); err != nil {
		return fmt.Errorf("%w: SubscribeURL %w", triggers.ErrUnverified, err)
	}
	if _, err := fetch(ctx, t.client, address); err != nil {
		return fmt.Errorf("%w: confirm the subscription: %w", triggers.ErrUnavailable, err)
	}
	return nil
}
