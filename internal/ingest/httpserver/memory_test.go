package httpserver

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/triggers"
)

func TestMemory(t *testing.T) {
	t.Run("no principal holds all of the memory", testNoPrincipalHoldsAllOfMemory)
	t.Run("anonymous requests share a part of the memory", testAnonymousRequestsSharePartOfMemory)
	t.Run("too large a body for the memory is refused for good", testTooLargeBodyForMemoryIsRefusedForGood)
	t.Run("a decoded body is not larger than its reservation", testDecodedBodyIsNotLargerThanItsReservation)
}

// reserveAll reserves memory for a principal, in pieces, until the next piece is refused.
func reserveAll(m *memory, who auth.Principal, piece int64) *reservation {
	r := &reservation{memory: m, of: who}
	for r.grow(piece) == nil {
	}
	return r
}

func testNoPrincipalHoldsAllOfMemory(t *testing.T) {
	const limit, piece = 1 << 20, 1 << 6
	m := newMemory(limit)
	var all []*reservation
	for n := range int64(10) {
		r := reserveAll(m, auth.Principal{Name: fmt.Sprint("hog-", n)}, piece)
		all = append(all, r)
		if left := limit - m.all.used; left < limit>>(n+1)-piece || r.bytes < left-piece {
			t.Errorf("principal %d holds %d bytes and leaves %d", n, r.bytes, left)
		}
	}
	for _, r := range all {
		r.release()
		r.release()
	}
	if m.all.used != 0 || len(m.all.held) != 0 {
		t.Errorf("after all reservations were released: %d bytes are reserved, by %v; want 0, by nobody", m.all.used, m.all.held)
	}
}

func testAnonymousRequestsSharePartOfMemory(t *testing.T) {
	const limit, piece = 1 << 20, 1 << 8
	m := newMemory(limit)
	bank := reserveAll(m, auth.PrincipalOf(auth.Anonymous, "bank"), piece)
	if most := int64(limit / anonymousShare / 2); bank.bytes > most || bank.bytes < most-piece {
		t.Errorf("the anonymous requests of one namespace hold %d bytes", bank.bytes)
	}
	shop := reserveAll(m, auth.PrincipalOf(auth.Anonymous, "shop"), piece)
	if shop.bytes < limit/anonymousShare/4-piece {
		t.Errorf("those of the next one hold %d bytes", shop.bytes)
	}
	for i := range 1000 {
		reserveAll(m, auth.PrincipalOf(auth.Anonymous, fmt.Sprint("invented-", i)), piece)
	}
	if m.all.used > limit/anonymousShare {
		t.Errorf("all anonymous requests hold %d bytes", m.all.used)
	}
	if r := reserveAll(m, auth.Principal{Name: "shop"}, piece); r.bytes < (limit-limit/anonymousShare)/2-piece {
		t.Errorf("a credential gets %d bytes beside them", r.bytes)
	}
}

func testTooLargeBodyForMemoryIsRefusedForGood(t *testing.T) {
	r := &reservation{memory: newMemory(1 << 20), of: auth.Principal{Name: "shop"}}
	reserveAll(r.memory, auth.Principal{Name: "bank"}, 1<<10)
	if err := r.grow(1 << 19); !errors.Is(err, errMemory) {
		t.Errorf("a body for which there is no memory now: got error %v, want errMemory", err)
	}
	refused, ok := errors.AsType[*echo.HTTPError](r.grow(1<<19 + 1))
	if !ok || refused.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body for which there is never enough memory: got error %v, want 413", refused)
	}
	h, _ := serve(t, &record{}, func(o *Options) { o.BodyMemory = 1 << 20 })
	if w := post(t, h, "/v1/alertmanager/shop", "["+strings.Repeat("0,", 10_000)+"0]", ""); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too large once it is decoded: %d %s; want 413", w.Code, w.Body)
	}
}

func testDecodedBodyIsNotLargerThanItsReservation(t *testing.T) {
	const size = 1 << 17
	fill := func(begin, piece, end string) []byte {
		return []byte(begin + strings.Repeat(piece+",", (size-len(begin)-len(end))/(len(piece)+1)) + piece + end)
	}
	alert := `{"status":"firing","labels":{"a":"b"},"startsAt":"2026-01-01T00:00:00Z"}`
	entries := func(n int, value string) string {
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, `,"%x":%s`, i, value)
		}
		return all.String()
	}
	alerts := func(labels string) []byte {
		return fill(`{"version":"4","alerts":[`, strings.Replace(alert, `"b"`, `"b"`+labels, 1), "]}")
	}
	type form struct {
		perElement int64
		decode     func([]byte) (any, error)
	}
	asJSON := form{bytesPerElement, func(body []byte) (any, error) { return triggers.DecodeJSON(body) }}
	asAlerts := form{bytesPerString, func(body []byte) (any, error) {
		d, _, err := endpoints.DecodeAlerts(body)
		return d, err
	}}
	for name, c := range map[string]struct {
		body []byte
		form
	}{
		"numbers":              {fill("[", "0", "]"), asJSON},
		"lists":                {fill("[", "[]", "]"), asJSON},
		"lists of one":         {fill("[", "[0]", "]"), asJSON},
		"objects":              {fill("[", "{}", "]"), asJSON},
		"objects of one":       {fill("[", `{"":0}`, "]"), asJSON},
		"objects of nine":      {fill("[", `{"":0`+entries(8, "0")+`}`, "]"), asJSON},
		"objects of fifteen":   {fill("[", `{"":0`+entries(14, "0")+`}`, "]"), asJSON},
		"objects of 113":       {fill("[", `{"":0`+entries(112, "0")+`}`, "]"), asJSON},
		"objects of 225":       {fill("[", `{"":0`+entries(224, "0")+`}`, "]"), asJSON},
		"objects of 897":       {fill("[", `{"":0`+entries(896, "0")+`}`, "]"), asJSON},
		"one object":           {[]byte(`{"":0` + entries(15_000, "0") + `}`), asJSON},
		"text":                 {fill("[", `"`+strings.Repeat("x", size/2)+`"`, "]"), asJSON},
		"small alerts":         {alerts(""), asAlerts},
		"alerts of ten labels": {alerts(entries(9, `""`)), asAlerts},
		"alerts of 113 labels": {alerts(entries(112, `"ab"`)), asAlerts},
		"alerts of 897 labels": {alerts(entries(896, `"ab"`)), asAlerts},
		"numbers as alerts":    {fill(`{"version":"4","alerts":[`, "0", "]}"), asAlerts},
	} {
		before := heapInUse()
		value, err := c.decode(c.body)
		grown := int64(heapInUse()) - int64(before)
		if err != nil {
			t.Errorf("%s: %v; want no error", name, err)
		}
		if reserved := decodedSize(c.body, c.perElement); grown > reserved {
			t.Errorf("%s: %d bytes become %d, and %d are reserved", name, len(c.body), grown, reserved)
		}
		runtime.KeepAlive(value)
	}
}

// heapInUse returns the number of bytes of the heap that are in use.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
