package httpserver

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// scrape answers with the metrics of the registry, and then with those of objects, in the format that the client accepts. The client may choose
// metrics by their names.
func (s *Server) scrape(c echo.Context) error {
	families, err := s.options.Registry.Gather()
	if err != nil {
		return fmt.Errorf("gather metrics: %w", err)
	}
	wanted := c.QueryParams()["name[]"]
	format := expfmt.NegotiateAccept(c.Request().Header, expfmt.DefaultAcceptedFormats()...)
	c.Response().Header().Set(echo.HeaderContentType, string(format))
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
	encoder := expfmt.NewEncoder(c.Response(), format)
	encode := func(family *dto.MetricFamily) error {
		if len(wanted) > 0 && !slices.Contains(wanted, family.GetName()) {
			return nil
		}
		return encoder.Encode(family)
	}
	for _, family := range families {
		if err := encode(family); err != nil {
			return fmt.Errorf("encode metrics: %w", err)
		}
	}
	if s.options.ObjectMetrics != nil {
		if err := s.options.ObjectMetrics(encode); err != nil {
			return fmt.Errorf("encode metrics: %w", err)
		}
	}
	if !c.Response().Committed {
		c.Response().WriteHeader(http.StatusOK) // No metric is wanted, or there is none.
	}
	return nil
}
