package redis

import "testing"

func TestList(t *testing.T) {
	t.Run("the elements of a list, set, sorted set and hash are counted", testElementsOfListSetSortedSetAndHashAreCounted)
	t.Run("a missing list has no elements, because Redis removes an empty one", testMissingListHasNoElements)
	t.Run("a key of another type is unknown, and its type is named", testKeyOfAnotherTypeIsUnknown)
	t.Run("a key that changes its type while running is counted by the new one", testKeyThatChangesItsTypeIsCountedByNewOne)
	t.Run("the database is the configured one", testDatabaseIsConfiguredOne)
	t.Run("a name with any bytes is a key", testNameWithAnyBytesIsKey)
}

func testElementsOfListSetSortedSetAndHashAreCounted(t *testing.T) {
	s := start(t)
	s.do("RPUSH", "a-list", 1, 1, 1)
	s.do("SADD", "a-set", 1, 2, 3, 4)
	s.do("ZADD", "a-zset", 1, "x", 2, "y")
	s.do("HSET", "a-hash", "k", "v")
	for name, want := range map[string]string{"a-list": "3", "a-set": "4", "a-zset": "2", "a-hash": "1"} {
		r := newReader(t, Redis(), s.metadata("listName", name), nil)
		for range 2 { // The second reading uses the command that the first has found.
			expect(t, r, want)
		}
	}
}

func testMissingListHasNoElements(t *testing.T) {
	s := start(t)
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	expect(t, r, "0")
	s.do("RPUSH", "jobs", 1, 2)
	expect(t, r, "2")
	s.do("LPOP", "jobs", 2)
	if n := s.do("EXISTS", "jobs"); n != int64(0) {
		t.Errorf("EXISTS answers %v, want 0: the empty list exists", n)
	}
	expect(t, r, "0")
}

func testKeyOfAnotherTypeIsUnknown(t *testing.T) {
	s := start(t)
	s.do("SET", "text", "12")
	s.do("XADD", "entries", "*", "k", "v")
	expectUnknown(t, newReader(t, Redis(), s.metadata("listName", "text"), nil), "read key text: it is a string, and not a list")
	expectUnknown(t, newReader(t, Redis(), s.metadata("listName", "entries"), nil), "it is a stream: use a trigger of a type with -streams")
}

func testKeyThatChangesItsTypeIsCountedByNewOne(t *testing.T) {
	s := start(t)
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	s.do("SADD", "jobs", 1, 2, 3)
	expect(t, r, "3")
	s.do("DEL", "jobs")
	expect(t, r, "0")
	s.do("RPUSH", "jobs", 1, 1)
	expect(t, r, "2")
	s.do("DEL", "jobs")
	s.do("SET", "jobs", "text")
	expectUnknown(t, r, "it is a string")
}

func testDatabaseIsConfiguredOne(t *testing.T) {
	s := start(t)
	other := s.client.Conn()
	defer func() { _ = other.Close() }()
	if err := other.Select(t.Context(), 3).Err(); err != nil {
		t.Fatal(err)
	}
	if err := other.RPush(t.Context(), "jobs", 1, 2).Err(); err != nil {
		t.Fatal(err)
	}
	expect(t, newReader(t, Redis(), s.metadata("listName", "jobs"), nil), "0")
	expect(t, newReader(t, Redis(), s.metadata("listName", "jobs", "databaseIndex", "3"), nil), "2")
	expectUnknown(t, newReader(t, Redis(), s.metadata("listName", "jobs", "databaseIndex", "99"), nil), "DB index is out of range")
}

func testNameWithAnyBytesIsKey(t *testing.T) {
	s := start(t)
	name := "a b\r\n{c}\x00\xff"
	s.do("RPUSH", name, 1)
	expect(t, newReader(t, Redis(), s.metadata("listName", name), nil), "1")
}
