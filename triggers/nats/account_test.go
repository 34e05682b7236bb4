package nats

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestAccount(t *testing.T) {
	t.Run("an account is found by its name and by its key", testAccountIsFoundByItsNameAndByItsKey)
	t.Run("the key of an account is cached until it changes", testKeyOfAccountIsCachedUntilItChanges)
}

// fakeHub is a server with accounts of JWTs: it filters by their keys, and lists two at a time.
type fakeHub struct {
	accounts []account
	requests int
}

// answer returns the response to a request.
func (h *fakeHub) answer(q url.Values) string {
	h.requests++
	var details []string
	if key := q.Get("acc"); key != "" {
		for _, a := range h.accounts {
			if a.ID == key {
				details = append(details, fmt.Sprintf(`{"name":%q,"id":%q,"stream_detail":[{"name":"WORK","config":{"num_replicas":1},"consumer_detail":[
					{"name":"workers","num_pending":%d,"num_ack_pending":0,"cluster":{"leader":"N"}}]}]}`, a.Name, a.ID, len(a.ID)))
			}
		}
	} else {
		var offset int
		_, _ = fmt.Sscan(q.Get("offset"), &offset)
		for _, a := range h.accounts[offset:min(offset+2, len(h.accounts))] {
			details = append(details, fmt.Sprintf(`{"name":%q,"id":%q}`, a.Name, a.ID))
		}
	}
	return fmt.Sprintf(`{"total":%d,"account_details":[%s]}`, len(h.accounts), strings.Join(details, ","))
}

func (h *fakeHub) monitor(name string) *consumerReader {
	env := environment(nil)
	env.HTTP = &http.Client{Transport: triggertest.Canned(func(r *http.Request) (int, []byte) {
		return http.StatusOK, []byte(h.answer(r.URL.Query()))
	})}
	c := monitored("nats:8222")
	c.Account = name
	return newReader(c, env)
}

func testAccountIsFoundByItsNameAndByItsKey(t *testing.T) {
	h := &fakeHub{accounts: []account{{Name: "a", ID: "KEY-1"}, {Name: "b", ID: "KEY-22"}, {Name: "orders", ID: "KEY-333"}, {Name: "b", ID: "KEY-4444"}}}
	for name, want := range map[string]string{
		"orders": "7 <nil>", "KEY-333": "7 <nil>", "a": "5 <nil>",
		"b":       "2 accounts are called b: write the key of one of them, such as KEY-22",
		"nowhere": "account nowhere does not exist, or has no stream",
	} {
		b, err := h.monitor(name).Read(t.Context())
		if got := fmt.Sprint(b.level, " ", err); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func testKeyOfAccountIsCachedUntilItChanges(t *testing.T) {
	h := &fakeHub{accounts: []account{{Name: "orders", ID: "KEY-1"}}}
	m := h.monitor("orders")
	read := func(want string, requests int) {
		t.Helper()
		h.requests = 0
		if b, err := m.Read(t.Context()); err != nil || b.level.String() != want || h.requests != requests {
			t.Errorf("got %v, %v after %d requests, want %s after %d", b.level, err, h.requests, want, requests)
		}
	}
	read("5", 3)
	read("5", 1)
	h.accounts[0].ID = "KEY-22"
	read("6", 3)
	read("6", 1)
}
