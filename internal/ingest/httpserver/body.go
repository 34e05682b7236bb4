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
	// firstRead is the size of the buffer for a body before any of it has arrived, in bytes.
	firstRead = 4 << 10
	// Upper bounds of the memory of decoded JSON in addition to its text, in bytes: for an element with its slot in a list or a map that is
	// half empty, for the same if all values are strings, for an object with its first eight slots, and for a list.
	bytesPerElement, bytesPerString, bytesPerObject, bytesPerList = 128, 80, 320, 48
)

// read reads a body whole, and reserves memory for it as it arrives: the announced length reserves nothing. It refuses a body with
// a Content-Encoding, as its decoded size is not known in advance; that of a write request is.
func read(c echo.Context, route Route, memory *reservation) ([]byte, error) {
	r, limit := c.Request(), route.MaxBody
	if encoding := r.Header.Get("Content-Encoding"); route.Write == nil && encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, echo.NewHTTPError(http.StatusUnsupportedMediaType, "a body with a Content-Encoding is not supported: send it without one")
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
			// Twice the size, up to the announced one. A buffer of the announced size that is full grows, too: io.EOF may need one more read.
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

// unreadKey is set in the context of a request that is answered before its body has been read.
const unreadKey = "unread"

// discardRest marks a request whose body is to be discarded after its answer.
func discardRest(c echo.Context) {
	if http.NewResponseController(c.Response()).EnableFullDuplex() == nil {
		c.Set(unreadKey, true)
	}
}

// discardUnread is a middleware that discards the rest of a body after the answer, up to maxAlertsBody bytes. A client does not read an
// answer if its connection is closed while it still sends.
func discardUnread(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if c.Get(unreadKey) == nil {
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

// decodedSize returns an upper bound of the memory of a decoded JSON body, in bytes, in addition to the body itself: its text once
// more, and its elements, objects and lists, counted by their delimiters. perElement is bytesPerElement or bytesPerString.
func decodedSize(body []byte, perElement int64) int64 {
	count := func(sign string) int64 { return int64(bytes.Count(body, []byte(sign))) }
	return int64(len(body)) + perElement*count(",") + bytesPerObject*count("{") + bytesPerList*count("[")
}
