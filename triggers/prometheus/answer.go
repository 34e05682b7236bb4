package prometheus

import (
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

// errForeign is the answer of something else than the query API.
var errForeign = errors.New("the answer is not a query result: is this the address of a Prometheus?")

// whole is a client that refuses the answers of which the client library would make more than they say: it reads a value that
// is not there as 0, and does not know the words by which servers say that some of their data was left out.
type whole struct{ api.Client }

// Do sends one request.
func (c whole) Do(ctx context.Context, r *http.Request) (*http.Response, []byte, error) {
	response, body, err := c.Client.Do(ctx, r)
	if err == nil && response.StatusCode/100 == 2 {
		err = complete(response, body)
	}
	return response, body, err
}

// answer is what the query API answers, as far as it says whether the result is whole.
type answer struct {
	Status string    `json:"status"`
	Infos  []string  `json:"infos"`
	Data   *instants `json:"data" required:"true"`
	// Partial is VictoriaMetrics' word for it: a storage node was away.
	Partial bool `json:"isPartial"`
}

// instants is the result of an instant query.
type instants struct {
	Type   *string          `json:"resultType" required:"true"`
	Result *json.RawMessage `json:"result" required:"true"`
	// Warnings stand here in the answers of some versions of Thanos.
	Warnings []json.RawMessage `json:"warnings"`
}

// element is one element of a vector.
type element struct {
	Value     point            `json:"value"`
	Histogram *json.RawMessage `json:"histogram"`
}

// point is a time and a number.
type point []*json.RawMessage

func (p point) whole() bool { return len(p) == 2 && p[0] != nil && p[1] != nil }

// complete returns an error for an answer that lacks something, or says itself that data was left out. An error that the
// server states is left to the client library.
func complete(response *http.Response, body []byte) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %d %s: only 200 is a whole answer", response.StatusCode, http.StatusText(response.StatusCode))
	}
	var a answer
	if json.Unmarshal(body, &a) != nil {
		return errForeign
	}
	switch a.Status {
	case "success":
	case "error":
		return nil
	default:
		return errForeign
	}
	if err := triggers.CheckComplete(&a); err != nil {
		return err
	}
	if why := leftOut(response.Header, &a); why != "" {
		return fmt.Errorf("the answer may be incomplete: %s", line(why))
	}
	return a.Data.complete()
}

// leftOut returns the server's own words for data that is missing in the answer; "" when it says nothing of the sort.
func leftOut(header http.Header, a *answer) string {
	if a.Partial {
		return "isPartial is true, as when a storage node is away"
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

// complete returns an error for a result that has no value where one should stand.
func (r *instants) complete() error {
	switch *r.Type {
	case model.ValScalar.String():
		var p point
		if json.Unmarshal(*r.Result, &p) != nil || !p.whole() {
			return errors.New("the answer is incomplete: the scalar is not a time and a number")
		}
	case model.ValVector.String():
		var elements []*element
		if json.Unmarshal(*r.Result, &elements) != nil {
			return errForeign
		}
		for i, e := range elements {
			if e == nil || e.Histogram == nil && !e.Value.whole() {
				return fmt.Errorf("the answer is incomplete: the value of element %d is not a time and a number", i)
			}
		}
	case model.ValString.String():
		return errors.New("the answer is a string, not a number: write a query that gives a scalar or a vector")
	}
	return nil
}
