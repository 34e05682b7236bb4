package httpserver

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
)

// The headers of an answer to a write request of version 2.0. A sender takes their absence for a server that knows version 1.0 only.
const (
	samplesWritten    = "X-Prometheus-Remote-Write-Samples-Written"
	histogramsWritten = "X-Prometheus-Remote-Write-Histograms-Written"
	exemplarsWritten  = "X-Prometheus-Remote-Write-Exemplars-Written"
)

var writtenHeaders = []string{samplesWritten, histogramsWritten, exemplarsWritten}

// answerWrite answers a write request: 204 means that the triggers have its samples. Senders repeat a request after 5xx only.
func answerWrite(c echo.Context, written *endpoints.Written, err error) error {
	if written != nil {
		header := c.Response().Header()
		header.Set(samplesWritten, strconv.Itoa(written.Samples))
		header.Set(histogramsWritten, strconv.Itoa(written.Histograms))
		header.Set(exemplarsWritten, strconv.Itoa(written.Exemplars))
	}
	if err != nil {
		return answerTo(err)
	}
	return c.NoContent(http.StatusNoContent)
}
