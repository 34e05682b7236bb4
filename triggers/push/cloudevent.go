package push

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// maxAttribute limits an attribute of a CloudEvent, in bytes.
const maxAttribute = 1024

// event has the attributes of a CloudEvent; zero for another message.
type event struct {
	// id is the source and the id of the event, which together identify it.
	id string
	at time.Time
}

// unwrap returns the data of a CloudEvent in structured or binary mode, or the body of another message.
func unwrap(m triggers.Message) (any, event, error) {
	media, _, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	switch {
	case media == "application/cloudevents+json":
		return structured(m.Body)
	case strings.HasPrefix(media, "application/cloudevents"):
		return nil, event{}, fmt.Errorf("the Content-Type %.80s is not supported: send single events as application/cloudevents+json", media)
	case m.Header.Get("ce-specversion") != "" || m.Header.Get("ce-id") != "":
		e, err := attributes(func(name string) (any, bool) {
			values := m.Header[http.CanonicalHeaderKey("ce-"+name)]
			if len(values) == 0 {
				return nil, false
			}
			return values[0], true
		})
		return m.Body, e, err
	}
	return m.Body, event{}, nil
}

// structured decodes an event with its attributes and data in the body.
func structured(body any) (any, event, error) {
	object, ok := body.(map[string]any)
	if !ok {
		return nil, event{}, errors.New("a CloudEvent is a JSON object")
	}
	e, err := attributes(func(name string) (any, bool) { v, given := object[name]; return v, given })
	if err != nil {
		return nil, e, err
	}
	if _, packed := object["data_base64"]; packed {
		return nil, e, errors.New("the CloudEvent has data_base64, expected data with JSON")
	}
	data, given := object["data"]
	if !given {
		return nil, e, errors.New(`the CloudEvent has no data, expected {"value": 42}`)
	}
	return data, e, nil
}

// attributes parses the attributes that are used, and checks that the required ones are there.
func attributes(of func(name string) (any, bool)) (event, error) {
	var mistakes []string
	text := func(name string, required bool) string {
		v, given := of(name)
		s, ok := v.(string)
		switch {
		case !given && !required:
		case !given || ok && s == "":
			mistakes = append(mistakes, name+" is missing")
		case !ok:
			mistakes = append(mistakes, name+" is "+kindOf(v)+", expected text")
		case len(s) > maxAttribute:
			mistakes = append(mistakes, fmt.Sprintf("%s is longer than %d bytes", name, maxAttribute))
		}
		return s
	}
	version, id, source, at := text("specversion", true), text("id", true), text("source", true), text("time", false)
	text("type", true)
	if version != "" && version != "1.0" {
		mistakes = append(mistakes, fmt.Sprintf("specversion is %.20q, expected 1.0", version))
	}
	e := event{id: source + "\x00" + id}
	if at != "" {
		var err error
		if e.at, err = time.Parse(time.RFC3339Nano, at); err != nil || e.at.Unix() < 0 {
			mistakes = append(mistakes, fmt.Sprintf("time is %.40q, expected RFC 3339", at))
		}
	}
	if len(mistakes) > 0 {
		return event{}, errors.New("the CloudEvent: " + strings.Join(mistakes, "; "))
	}
	return e, nil
}
