package prometheus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/triggers"
)

// errNotAPI is returned for an answer that is not one of the query API.
var errNotAPI = errors.New("the answer is not a query result: is this the address of a Prometheus?")

// strictClient returns errors for answers that the client library misreads: the library reads a missing value as 0, and does not know how
// some servers report that data is missing.
type strictClient struct {
	api.Client

	// acceptPartial accepts answers in which data may be missing.
	acceptPartial bool
}

// Do sends one request and checks the answer.
func (c strictClient) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	response, body, err := c.Client.Do(ctx, r)
	if err == nil && response.StatusCode/100 == 2 {
		err = checkAnswer(response, body, c.acceptPartial)
	}
	return response, body, err
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
	for _, name := range []string{"M3-Results-Limited", "M3-Returned-Data-Limited"} {
		if value := header.Get(name); value != "" {
			return name + ": " + value
		}
	}
	for _, info := range a.Infos {
		if strings.Contains(info, "ignored histogram") || strings.Contains(info, "incompatible sample types") {
			return info
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
