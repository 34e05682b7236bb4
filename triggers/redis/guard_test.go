package redis

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
)

func TestGuard(t *testing.T) {
	t.Run("an answer that announces too much is refused before it is allocated", testAnswerThatAnnouncesTooMuchIsRefused)
	t.Run("an answer of another protocol is unknown", testAnswerOfAnotherProtocolIsUnknown)
	t.Run("half an answer is unknown", testHalfAnAnswerIsUnknown)
}

// answering returns a dial whose server answers the login and the next request of each connection, and then closes it.
func answering(login, answer string) dial {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			request := make([]byte, 4096)
			for _, text := range []string{login, answer} {
				if _, err := server.Read(request); err != nil {
					return
				}
				if _, err := io.WriteString(server, text); err != nil {
					return
				}
			}
		}()
		return client, nil
	}
}

// readAnswer reads a trigger whose server answers so.
func readAnswer(t *testing.T, kind triggers.Kind, metadata map[string]string, login, answer string) (level, error) {
	t.Helper()
	r := newReader(t, kind, metadata, nil)
	_ = r.connection.Close()
	r.connection = newConnection(t.Context(), answering(login, answer))
	defer func() { _ = r.connection.Close() }()
	return r.Read(t.Context())
}

// hello is the answer to the login.
const hello = "*2\r\n$6\r\nserver\r\n$5\r\nredis\r\n"

func testAnswerThatAnnouncesTooMuchIsRefused(t *testing.T) {
	for name, answer := range map[string]string{
		"a long string":         "$2147483647\r\n",
		"a string without end":  "$9223372036854775807\r\n",
		"a long list":           "*2147483647\r\n",
		"nested lists":          strings.Repeat("*131072\r\n", 1000),
		"a long map":            "%1000000000\r\n",
		"a long push":           ">1000000000\r\n",
		"a line without end":    "+" + strings.Repeat("x", 2*maxAnswerBytes),
		"many strings":          "*1000\r\n" + strings.Repeat("$10000\r\n"+strings.Repeat("x", 10000)+"\r\n", 1000),
		"a negative length":     "$-2\r\n",
		"a length with a sign":  "*+1\r\n",
		"a length of no digits": "$\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			l, err := readAnswer(t, Redis(), map[string]string{"address": "redis:6379", "listName": "jobs"}, hello, answer)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), "the answer ") {
				t.Errorf("the level is %s with the error %v, want an unknown one because of the answer", l.value, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("%d MiB were allocated", n>>20)
			}
		})
	}
}

func testAnswerOfAnotherProtocolIsUnknown(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail.shop ESMTP\r\n", "\x15\x03\x01\x00\x02\x02\x46", "\n\n\n", "+OK\n",
		"+OK\r\n", ":-1\r\n", "$1\r\n3\r\n", "*0\r\n", "$-1\r\n", ":12a\r\n", ":99999999999999999999\r\n", "-\r\n",
	} {
		for _, login := range []string{answer, hello} {
			l, err := readAnswer(t, Redis(), map[string]string{"address": "redis:6379", "listName": "jobs"}, login, answer)
			if err == nil {
				t.Errorf("after %q, %q: the level is %s, want an unknown one", login, answer, l.value)
			}
		}
	}
}

func testHalfAnAnswerIsUnknown(t *testing.T) {
	metadata := map[string]string{"address": "redis:6379", "stream": "orders", "consumerGroup": "billing", "lagCount": "1"}
	const whole = "*1\r\n*8\r\n$4\r\nname\r\n$7\r\nbilling\r\n$17\r\nlast-delivered-id\r\n$3\r\n1-1\r\n$3\r\nlag\r\n:0\r\n$7\r\npending\r\n:3\r\n"
	if l, err := readAnswer(t, Streams(), metadata, hello, whole); err != nil || l.value != 0 || l.unknown != nil {
		t.Fatalf("the level is %+v, %v, want 0", l, err)
	}
	for i := range len(whole) {
		if l, err := readAnswer(t, Streams(), metadata, hello, whole[:i]); err == nil {
			t.Fatalf("after %q the level is %+v, want an unknown one", whole[:i], l)
		}
	}
}

// FuzzAnswers: each answer of a server gives a level that is not below 0, or an error of one short line.
func FuzzAnswers(f *testing.F) {
	for _, answer := range []string{
		":3\r\n", "-WRONGTYPE x\r\n+set\r\n:4\r\n", "-MOVED 1 :6380\r\n", "-ASK 1 [::1]:6380\r\n", "-MOVED\r\n", "*2\r\n$1\r\na\r\n$4\r\n6379\r\n:1\r\n",
		"*1\r\n$1\r\na\r\n", "*1\r\n*4\r\n$4\r\nname\r\n$7\r\nbilling\r\n$3\r\nlag\r\n$-1\r\n*1\r\n*2\r\n", "*1\r\n*2\r\n$4\r\nname\r\n:1\r\n", "*4\r\n:1\r\n",
		"%1\r\n+a\r\n+b\r\n", "|1\r\n+a\r\n+b\r\n:1\r\n", ">2\r\n+x\r\n+y\r\n:1\r\n", "(123\r\n", ",nan\r\n", "#t\r\n", "=6\r\ntxt:ab\r\n", "!3\r\nERR\r\n", "_\r\n",
	} {
		for kind := range uint8(6) {
			f.Add(kind, answer)
		}
	}
	kinds := []triggers.Kind{Redis(), Cluster(), Sentinel(), Streams(), ClusterStreams(), SentinelStreams()}
	f.Fuzz(func(t *testing.T, which uint8, answer string) {
		kind := kinds[int(which)%len(kinds)]
		l, err := readAnswer(t, kind, kind.Example, hello, answer)
		switch {
		case err == nil && l.value < 0:
			t.Errorf("the level is %s", l.value)
		case err != nil && (strings.ContainsAny(err.Error(), "\n\r\x00") || len(err.Error()) > 1000):
			t.Errorf("no short line: %q", err)
		}
	})
}
