package triggers

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestPool(t *testing.T) {
	t.Run("a value is opened once and closed with its last reference", testValueIsOpenedOnceAndClosedWithItsLastReference)
	t.Run("a failed open is retried by the next user", testFailedOpenIsRetriedByNextUser)
	t.Run("a panic during open does not block other users", testPanicDuringOpenDoesNotBlockOtherUsers)
	t.Run("a key is of one type", testKeyIsOfOneType)
	t.Run("many users share without losing a reference", testManyUsersShareWithoutLosingReference)
}

// connection counts how often it was closed.
type connection struct{ closed atomic.Int32 }

// Close counts.
func (c *connection) Close() error {
	c.closed.Add(1)
	return nil
}

func testValueIsOpenedOnceAndClosedWithItsLastReference(t *testing.T) {
	s := NewPool()
	opened := 0
	open := func() (*connection, error) { opened++; return &connection{}, nil }
	first, release1, err1 := Acquire(s, "k", open)
	second, release2, err2 := Acquire(s, "k", open)
	other, release3, err3 := Acquire(s, "another", open)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if first != second || first == other || opened != 2 {
		t.Errorf("opened %d values; the same for one key: %v", opened, first == second)
	}
	release1()
	release1()
	if first.closed.Load() != 0 {
		t.Error("the value was closed while it was in use")
	}
	release2()
	if first.closed.Load() != 1 || other.closed.Load() != 0 {
		t.Error("not closed once after its last user")
	}
	release3()
	third, release, err := Acquire(s, "k", open)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if third == first {
		t.Error("a closed value was returned")
	}
}

func testFailedOpenIsRetriedByNextUser(t *testing.T) {
	var s Pool
	refused := errors.New("refused")
	if _, _, err := Acquire(&s, "k", func() (*connection, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if len(s.values) != 0 {
		t.Error("a reference is left after the failure")
	}
	_, release, err := Acquire(&s, "k", func() (*connection, error) { return &connection{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func testPanicDuringOpenDoesNotBlockOtherUsers(t *testing.T) {
	var s Pool
	func() {
		defer func() { _ = recover() }()
		_, _, _ = Acquire(&s, "k", func() (*connection, error) { panic("defect") })
	}()
	_, release, err := Acquire(&s, "k", func() (*connection, error) { return &connection{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// otherType is another type of value.
type otherType struct{ connection }

func testKeyIsOfOneType(t *testing.T) {
	var s Pool
	c, release, err := Acquire(&s, "k", func() (*connection, error) { return &connection{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Acquire(&s, "k", func() (*otherType, error) { return &otherType{}, nil }); err == nil || !strings.Contains(err.Error(), "otherType") {
		t.Errorf("got %v", err)
	}
	release()
	if c.closed.Load() != 1 {
		t.Error("the user whose Acquire failed is still counted")
	}
}

func testManyUsersShareWithoutLosingReference(t *testing.T) {
	var s Pool
	var users sync.WaitGroup
	for range 50 {
		users.Go(func() {
			for range 200 {
				c, release, err := Acquire(&s, "k", func() (*connection, error) { return &connection{}, nil })
				if err != nil {
					t.Error(err)
					return
				}
				if c.closed.Load() != 0 {
					t.Error("the pool returned a value that was closed")
				}
				release()
			}
		})
	}
	users.Wait()
	if len(s.values) != 0 {
		t.Errorf("%d values are left", len(s.values))
	}
}
