package redis

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestStream(t *testing.T) {
	t.Run("without a group all entries are counted", testWithoutGroupAllEntriesAreCounted)
	t.Run("a missing stream is unknown, not zero", testMissingStreamIsUnknownNotZero)
	t.Run("pending entries are the delivered ones without an acknowledgement", testPendingEntriesAreDeliveredOnes)
	t.Run("the lag has the entries that are not delivered", testLagHasEntriesThatAreNotDelivered)
	t.Run("a lag that the server does not know is unknown, and at least 1 if an entry waits", testLagThatServerDoesNotKnowIsUnknown)
	t.Run("entries that were trimmed before they were delivered do not wait", testTrimmedEntriesDoNotWait)
	t.Run("a group that began at the end of a stream is at least 1 when an entry arrives", testGroupThatBeganAtEndIsAtLeastOne)
	t.Run("for a missing group all entries of the stream wait", testForMissingGroupAllEntriesWait)
	t.Run("a key of another type is unknown", testStreamOfAnotherTypeIsUnknown)
	t.Run("a stream that is deleted while running is unknown", testStreamThatIsDeletedWhileRunningIsUnknown)
}

// add adds n entries to the stream orders.
func (s *server) add(n int) {
	s.t.Helper()
	for range n {
		s.do("XADD", "orders", "*", "k", "v")
	}
}

// deliver delivers n entries to the group billing.
func (s *server) deliver(n int) {
	s.t.Helper()
	s.do("XREADGROUP", "GROUP", "billing", "worker", "COUNT", n, "STREAMS", "orders", ">")
}

// ofLag, ofPending and ofLength return readers of the stream orders.
func (s *server) ofLag() *reader {
	return newReader(s.t, Streams(), s.metadata("stream", "orders", "consumerGroup", "billing", "lagCount", "10"), nil)
}

func (s *server) ofPending() *reader {
	return newReader(s.t, Streams(), s.metadata("stream", "orders", "consumerGroup", "billing"), nil)
}

func (s *server) ofLength() *reader {
	return newReader(s.t, Streams(), s.metadata("stream", "orders"), nil)
}

func testWithoutGroupAllEntriesAreCounted(t *testing.T) {
	s := start(t)
	s.add(3)
	expect(t, s.ofLength(), "3")
	s.do("XTRIM", "orders", "MAXLEN", 0)
	expect(t, s.ofLength(), "0") // An empty stream exists.
}

func testMissingStreamIsUnknownNotZero(t *testing.T) {
	s := start(t)
	expectUnknown(t, s.ofLength(), "read stream orders: it does not exist")
	expectUnknown(t, s.ofPending(), "read consumer group billing of stream orders: the stream or the group does not exist")
	expectUnknown(t, s.ofLag(), "read consumer group billing of stream orders: it does not exist")
}

func testPendingEntriesAreDeliveredOnes(t *testing.T) {
	s := start(t)
	s.add(5)
	r := s.ofPending()
	expectUnknown(t, r, "the stream or the group does not exist")
	s.do("XGROUP", "CREATE", "orders", "billing", "0")
	expect(t, r, "0")
	s.deliver(3)
	expect(t, r, "3")
	first, _ := s.do("XPENDING", "orders", "billing").([]any)[1].(string)
	s.do("XACK", "orders", "billing", first)
	expect(t, r, "2")
}

func testLagHasEntriesThatAreNotDelivered(t *testing.T) {
	s := start(t)
	s.add(5)
	s.do("XGROUP", "CREATE", "orders", "billing", "0")
	s.do("XGROUP", "CREATE", "orders", "audit", "$")
	r := s.ofLag()
	expect(t, r, "5")
	s.deliver(2)
	expect(t, r, "3")
	s.deliver(3)
	expect(t, r, "0")
}

func testLagThatServerDoesNotKnowIsUnknown(t *testing.T) {
	s := start(t)
	s.add(3)
	s.do("XGROUP", "CREATE", "orders", "billing", "0")
	id, _ := s.do("XADD", "orders", "*", "k", "v").(string)
	s.deliver(1)
	s.add(1)
	s.do("XDEL", "orders", id)
	r := s.ofLag()
	expectAtLeastOne(t, r)
	s.deliver(10)
	expect(t, r, "0") // The group is at the end of the stream, so the server knows its lag again.
	last, _ := s.do("XADD", "orders", "*", "k", "v").(string)
	s.add(1)
	s.do("XDEL", "orders", last)
	expectAtLeastOne(t, r)
	s.do("XTRIM", "orders", "MAXLEN", 0)
	expect(t, r, "0")
}

// expectAtLeastOne reads once, and fails the test unless the level is unknown, but at least 1.
func expectAtLeastOne(t *testing.T, r *reader) {
	t.Helper()
	const reason = "read consumer group billing of stream orders: the server does not know the lag"
	got, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e := got.event(); !e.AtLeast || e.Err == nil || e.Value != scalers.Milli(1000) || !strings.HasPrefix(e.Err.Error(), reason) {
		t.Errorf("the event is %+v; want at least 1, because %q", e, reason)
	}
}

func testTrimmedEntriesDoNotWait(t *testing.T) {
	s := start(t)
	s.add(5)
	s.do("XGROUP", "CREATE", "orders", "billing", "0")
	s.deliver(1)
	r := s.ofLag()
	expect(t, r, "4")
	s.do("XTRIM", "orders", "MAXLEN", 2)
	expect(t, r, "2") // The server says 4.
	s.deliver(10)
	expect(t, r, "0") // The server says 2.
}

func testGroupThatBeganAtEndIsAtLeastOne(t *testing.T) {
	s := start(t)
	s.add(5)
	s.do("XGROUP", "CREATE", "orders", "billing", "$")
	r := s.ofLag()
	expect(t, r, "0")
	s.add(1)
	expectAtLeastOne(t, r)
	s.deliver(10)
	expect(t, r, "0")
	s.add(2)
	expect(t, r, "2")
}

func testForMissingGroupAllEntriesWait(t *testing.T) {
	s := start(t)
	s.add(4)
	r := s.ofLag()
	expect(t, r, "4")
	s.do("XGROUP", "CREATE", "orders", "audit", "$")
	expect(t, r, "4")
	s.do("XGROUP", "CREATE", "orders", "billing", "$")
	expect(t, r, "0")
}

func testStreamOfAnotherTypeIsUnknown(t *testing.T) {
	s := start(t)
	s.do("RPUSH", "orders", 1)
	for _, r := range []*reader{s.ofLength(), s.ofPending(), s.ofLag()} {
		expectUnknown(t, r, "WRONGTYPE")
	}
}

func testStreamThatIsDeletedWhileRunningIsUnknown(t *testing.T) {
	s := start(t)
	s.add(4)
	s.do("XGROUP", "CREATE", "orders", "billing", "0")
	s.deliver(1)
	readers := []*reader{s.ofLength(), s.ofPending(), s.ofLag()}
	for i, want := range []string{"4", "1", "3"} {
		expect(t, readers[i], want)
	}
	s.do("DEL", "orders")
	for _, r := range readers {
		expectUnknown(t, r, "not exist")
	}
}
