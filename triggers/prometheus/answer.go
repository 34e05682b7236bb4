package prometheus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/triggers"
)

// errNotAPI is returned for an answer that is not one of the query API.
var errNotAPI = errors.New("the answer is not a query result: is this the address of a Prometheus?")

// value returns the result in the answer to a query, which is in the encoding of a form. acceptPartial accepts answers in which data may be
// missing.
func (c *client) value(ctx context.Context, r *response, query string, acceptPartial bool) (model.Value, error) {
	if r.StatusCode == http.StatusOK && (acceptPartial || limited(r.Header) == "") {
		if v := scan(r.body); v != nil {
			return v, nil
		}
	}
	return c.decode(ctx, r, query, acceptPartial)
}

// decode is like value, and leaves the answer to the client library. If the server accepts no POST, the library sends the query by GET.
func (c *client) decode(ctx context.Context, r *response, query string, acceptPartial bool) (model.Value, error) {
	v, _, _, err := v1.NewAPI(&strictClient{c, r, query, acceptPartial}).Query(ctx, "", time.Time{}) // strictClient has checked the warnings.
	return v, err
}

// strictClient passes the answer to a query to the client library. It returns errors for answers that the library misreads: the library reads
// a missing value as 0, and does not know how some servers report that data is missing.
type strictClient struct {
	*client

	posted        *response
	query         string
	acceptPartial bool
}

// URL returns the address of the query API.
func (c *strictClient) URL(string, map[string]string) *url.URL { return new(*c.address) }

// Do returns the answer that has arrived for a POST, or sends the query by GET, and checks the answer.
func (c *strictClient) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	got := c.posted
	if r.Method == http.MethodGet {
		var err error
		if got, err = c.send(ctx, r.Method, c.query); err != nil {
			return nil, nil, err
		}
	}
	var err error
	if got.StatusCode/100 == 2 {
		err = checkAnswer(got.Response, got.body, c.acceptPartial)
	}
	return got.Response, got.body, err
}

// answer has the parts of an answer that show whether the result is complete.
type answer struct {
	Status   string    `json:"status"`
	Warnings []string  `json:"warnings"`
	Infos    []string  `json:"infos"`
	Data     *instants `json:"data" required:"true"`
	// Partial is set by VictoriaMetrics when a storage node was not available.
	Partial bool `json:"isPartial"`
}

// instants is the result of an instant query.
type instants struct {
	Type   *string          `json:"resultType" required:"true"`
	Result *json.RawMessage `json:"result" required:"true"`
	// Warnings are here in the answers of some versions of Thanos.
	Warnings []json.RawMessage `json:"warnings"`
}

// element is one element of a vector.
type element struct {
	Value     point            `json:"value"`
	Histogram *json.RawMessage `json:"histogram"`
}

// point is a time and a number.
type point []*json.RawMessage

func (p point) complete() bool { return len(p) == 2 && p[0] != nil && p[1] != nil }

// checkAnswer returns an error for an answer in which something is missing, or which reports missing data unless that is accepted. Errors
// that the server returns are left to the client library.
func checkAnswer(response *http.Response, body []byte, acceptPartial bool) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %d %s: only 200 is a complete answer", response.StatusCode, http.StatusText(response.StatusCode))
	}
	var a answer
	if json.Unmarshal(body, &a) != nil {
		return errNotAPI
	}
	switch a.Status {
	case "success":
	case "error":
		return nil
	default:
		return errNotAPI
	}
	if err := triggers.CheckComplete(&a); err != nil {
		return err
	}
	if message := missingData(response.Header, &a); message != "" && !acceptPartial {
		return fmt.Errorf("the answer may be incomplete: %s", oneLine(message))
	}
	return a.Data.checkComplete()
}

// missingData returns the server's message that data is missing in the answer; "" if there is none.
func missingData(header http.Header, a *answer) string {
	if a.Partial {
		return "isPartial is true, as when a storage node is away"
	}
	if len(a.Warnings) > 0 {
		return cmp.Or(a.Warnings[0], "there is a warning without a text")
	}
	if len(a.Data.Warnings) > 0 {
		return string(a.Data.Warnings[0])
	}
	if message := limited(header); message != "" {
		return message
	}
	for _, info := range a.Infos {
		if strings.Contains(info, "ignored histogram") || strings.Contains(info, "incompatible sample types") {
			return info
		}
	}
	return ""
}

// limited returns M3's message that it has limited the result; "" if there is none.
func limited(header http.Header) string {
	for _, name := range [...]string{"M3-Results-Limited", "M3-Returned-Data-Limited"} {
		if value := header.Get(name); value != "" {
			return name + ": " + value
		}
	}
	return ""
}

// checkComplete returns an error for a result in which a value is missing.
func (r *instants) checkComplete() error {
	switch *r.Type {
	case model.ValScalar.String():
		var p point
		if json.Unmarshal(*r.Result, &p) != nil || !p.complete() {
			return errors.New("the answer is incomplete: the scalar is not a time and a number")
		}
	case model.ValVector.String():
		var elements []*element
		if json.Unmarshal(*r.Result, &elements) != nil {
			return errNotAPI
		}
		for i, e := range elements {
			if e == nil || e.Histogram == nil && !e.Value.complete() {
				return fmt.Errorf("the answer is incomplete: the value of element %d is not a time and a number", i)
			}
		}
	case model.ValString.String():
		return errors.New("the answer is a string, not a number: write a query that gives a scalar or a vector")
	}
	return nil
}
