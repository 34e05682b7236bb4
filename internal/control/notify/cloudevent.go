package notify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	typePrefix = "sh.impulse.scaledobject."
	typeSuffix = ".v1"
	// structuredType is the media type of an event with its attributes and data in the body.
	structuredType = "application/cloudevents+json"
	jsonType       = "application/json"
)

// cloudEvent is a CloudEvent 1.0 in its JSON format.
type cloudEvent struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	// Cluster is an extension attribute: the name of the cluster, if Impulse knows one.
	Cluster string `json:"cluster,omitempty"`
	Data    data   `json:"data"`
}

// data is the data of all types. deploy/schemas/notification.json describes it.
type data struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	UID       string   `json:"uid,omitempty"`
	Target    string   `json:"target"`
	Message   string   `json:"message"`
	Reason    string   `json:"reason,omitempty"`
	Trigger   string   `json:"trigger,omitempty"`
	From      *int32   `json:"from,omitempty"`
	To        *int32   `json:"to,omitempty"`
	LimitedBy []string `json:"limitedBy,omitempty"`
}

// newCloudEvent returns an event as a CloudEvent.
func newCloudEvent(e *Event, cluster string) *cloudEvent {
	c := &cloudEvent{
		SpecVersion: "1.0", ID: e.id(), Type: typePrefix + string(e.Type) + typeSuffix,
		Source: fmt.Sprintf("/apis/%s/namespaces/%s/scaledobjects/%s",
			v1alpha1.GroupVersion(), url.PathEscape(e.Namespace), url.PathEscape(e.Name)),
		Subject: e.Target, Time: e.Time.UTC().Format(time.RFC3339Nano), DataContentType: jsonType, Cluster: cluster,
		Data: data{
			Namespace: e.Namespace, Name: e.Name, UID: e.UID, Target: e.Target, Message: e.Message, Reason: e.Reason, Trigger: e.Trigger,
			LimitedBy: e.LimitedBy,
		},
	}
	if e.Type == Scaled {
		c.Data.From, c.Data.To = &e.From, &e.To
	}
	return c
}

// structured returns the event in structured mode.
func (c *cloudEvent) structured() ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	return body, nil
}

// binary returns the event in binary mode: the data as the body, and the attributes as headers.
func (c *cloudEvent) binary() ([]byte, http.Header, error) {
	body, err := json.Marshal(c.Data)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the event: %w", err)
	}
	header := http.Header{}
	for name, value := range map[string]string{
		"specversion": c.SpecVersion, "id": c.ID, "source": c.Source, "type": c.Type, "subject": c.Subject, "time": c.Time, "cluster": c.Cluster,
	} {
		if value != "" {
			header.Set("Ce-"+name, headerValue(value))
		}
	}
	return body, header, nil
}

// headerValue encodes an attribute as the HTTP binding demands: characters other than printable ASCII, quotes and percent signs are
// percent-encoded.
func headerValue(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b <= ' ' || b > '~' || b == '"' || b == '%' {
			fmt.Fprintf(&out, "%%%02X", b)
			continue
		}
		out.WriteByte(b)
	}
	return out.String()
}
