package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	// firstRead is how much room is made for a body before any of it has arrived, in bytes.
	firstRead = 4 << 10
	// What decoded JSON takes in memory beside its text, in bytes and at most: an element with its place in a list or a map that
	// is half empty, the same when all values are strings, an object with its first eight places, and a list.
	bytesPerElement, bytesPerString, bytesPerObject, bytesPerList = 128, 80, 320, 48
)

// read reads a body whole, and reserves memory for it as it arrives: a header that announces much reserves little. A packed
// body is refused: how large it becomes is not known before.
func read(c echo.Context, limit int64, memory *reservation) ([]byte, error) {
	r := c.Request()
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, echo.NewHTTPError(http.StatusUnsupportedMediaType, "a body with a Content-Encoding is not read: send it as it is")
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	announced := limit
	if r.ContentLength >= 0 {
		announced = r.ContentLength
	}
	from := http.MaxBytesReader(c.Response(), r.Body, limit)
	var body []byte
	for {
		if len(body) == cap(body) {
			// Exactly what is announced, unless there is more: the end may be seen only after it.
			size := max(min(max(2*int64(cap(body)), firstRead), announced), int64(len(body)+bytes.MinRead))
			if err := memory.grow(size - int64(cap(body))); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch large, ok := errors.AsType[*http.MaxBytesError](err); {
		case errors.Is(err, io.EOF):
			return body, nil
		case ok:
			return nil, tooLarge(large.Limit)
		case err != nil:
			return nil, Unavailable("the body did not arrive")
		}
	}
}

// unread is set in the context of a request that is answered before its body has been read.
const unread = "unread"

// discardRest has the rest of a body discarded once the request is answered.
func discardRest(c echo.Context) {
	if http.NewResponseController(c.Response()).EnableFullDuplex() == nil {
		c.Set(unread, true)
	}
}

// lingering is a middleware that discards what is left of a body after the answer, as far as that is taken at all: when a
// connection is closed while its client still sends, the client does not see the answer.
func lingering(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if c.Get(unread) == nil {
			return err
		}
		if flushed := http.NewResponseController(c.Response()).Flush(); flushed != nil {
			return errors.Join(err, flushed)
		}
		_, _ = io.CopyN(io.Discard, c.Request().Body, maxAlertsBody)
		return err
	}
}

func tooLarge(limit int64) error {
	return echo.NewHTTPError(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit))
}

// decoded is how many bytes a JSON body takes when it is decoded, beside itself, at most: its text once more, and what its
// structure costs, counted by the signs of elements, objects and lists. perElement is bytesPerElement or bytesPerString.
func decoded(body []byte, perElement int64) int64 {
	count := func(sign string) int64 { return int64(bytes.Count(body, []byte(sign))) }
	return int64(len(body)) + perElement*count(",") + bytesPerObject*count("{") + bytesPerList*count("[")
}
