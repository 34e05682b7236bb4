package redis

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestSentinel(t *testing.T) {
	t.Run("after a failover the new master is read", testAfterFailoverNewMasterIsRead)
	t.Run("a master that the Sentinels do not know is unknown", testMasterThatSentinelsDoNotKnowIsUnknown)
	t.Run("one Sentinel that is up is enough", testOneSentinelIsEnough)
	t.Run("Sentinels and the master have passwords of their own", testSentinelsAndMasterHavePasswordsOfTheirOwn)
	t.Run("a server that is no Sentinel is unknown", testServerThatIsNoSentinelIsUnknown)
}

// watch starts a Sentinel for a master. lines are added to its configuration.
func watch(t *testing.T, master *server, lines ...string) *server {
	t.Helper()
	s := &server{t: t, address: testkit.FreeAddress(t)}
	_, port, _ := net.SplitHostPort(s.address)
	host, masterPort, _ := net.SplitHostPort(master.address)
	dir := t.TempDir()
	path := filepath.Join(dir, "sentinel.conf")
	lines = append([]string{
		"port " + port, "bind 127.0.0.1", "dir " + dir,
		fmt.Sprintf("sentinel monitor mymaster %s %s 1", host, masterPort),
		"sentinel down-after-milliseconds mymaster 60000", "sentinel failover-timeout mymaster 5000",
	}, lines...)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{path, "--sentinel"}
	s.client = newClient(t, &goredis.Options{Addr: s.address})
	s.restart()
	return s
}

// sentinels returns the metadata of a trigger whose master s and others watch.
func sentinels(addresses string, pairs ...string) map[string]string {
	m := map[string]string{"address": addresses, "sentinelMaster": "mymaster"}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func testAfterFailoverNewMasterIsRead(t *testing.T) {
	first, second := start(t), start(t)
	first.do("RPUSH", "jobs", 1, 2, 3)
	host, port, _ := net.SplitHostPort(first.address)
	second.do("REPLICAOF", host, port)
	guard := watch(t, first)
	r := newReader(t, Sentinel(), sentinels(guard.address, "listName", "jobs"), nil)
	expect(t, r, "3")
	second.Eventually("the Sentinel knows the replica, which has the list", func(ctx context.Context) bool {
		state := fmt.Sprint(guard.client.Do(ctx, "SENTINEL", "REPLICAS", "mymaster").Val())
		return second.client.LLen(ctx, "jobs").Val() == 3 && strings.Contains(state, second.address) &&
			strings.Contains(state, "master-link-status ok")
	})
	first.Kill()
	expectUnknown(t, r, "connection refused")
	guard.do("SENTINEL", "SET", "mymaster", "down-after-milliseconds", "500") // Not earlier: a failover may be fast.
	guard.Eventually("the replica is the master", func(ctx context.Context) bool {
		return second.client.RPush(ctx, "jobs", 4).Err() == nil
	})
	guard.Eventually("the new master is read", func(ctx context.Context) bool {
		l, err := r.Read(ctx)
		return err == nil && l.value == 4000
	})
}

func testMasterThatSentinelsDoNotKnowIsUnknown(t *testing.T) {
	guard := watch(t, start(t))
	m := sentinels(guard.address, "listName", "jobs")
	m["sentinelMaster"] = "other"
	expectUnknown(t, newReader(t, Sentinel(), m, nil), "find the master: "+guard.address+": there is no master of this name")
	delete(m, "sentinelMaster")
	expectUnknown(t, newReader(t, Sentinel(), m, nil), "neither the metadata nor the authenticationRef have sentinelMaster")
	expect(t, newReader(t, Sentinel(), m, map[string]string{"sentinelMaster": "mymaster"}), "0")
}

func testOneSentinelIsEnough(t *testing.T) {
	master := start(t)
	master.do("RPUSH", "jobs", 1)
	guard := watch(t, master)
	down := testkit.FreeAddress(t)
	r := newReader(t, Sentinel(), sentinels(down+","+guard.address, "listName", "jobs"), nil)
	for range 2 {
		expect(t, r, "1")
	}
	guard.Kill()
	expectUnknown(t, r, "find the master: ")
}

func testSentinelsAndMasterHavePasswordsOfTheirOwn(t *testing.T) {
	master := start(t)
	master.do("RPUSH", "jobs", 1)
	master.do("CONFIG", "SET", "requirepass", "of the master")
	guard := watch(t, master, `sentinel auth-pass mymaster "of the master"`, `requirepass "of the sentinel"`)
	m := sentinels(guard.address, "listName", "jobs")
	secrets := map[string]string{"password": "of the master", "sentinelPassword": "of the sentinel"}
	expect(t, newReader(t, Sentinel(), m, secrets), "1")
	secrets["sentinelPassword"] = "of the master"
	expectUnknown(t, newReader(t, Sentinel(), m, secrets), "find the master: "+guard.address+": WRONGPASS")
	secrets["sentinelPassword"], secrets["password"] = "of the sentinel", "of the sentinel"
	expectUnknown(t, newReader(t, Sentinel(), m, secrets), "read key jobs: "+master.address+": WRONGPASS")
}

func testServerThatIsNoSentinelIsUnknown(t *testing.T) {
	s := start(t)
	expectUnknown(t, newReader(t, Sentinel(), sentinels(s.address, "listName", "jobs"), nil), "unknown command 'SENTINEL'")
}

func testKindsOfSentinelsConform(t *testing.T) {
	master := start(t)
	fill(t, master.client)
	guard := watch(t, master)
	conform(t, Sentinel(), SentinelStreams(), triggertest.Fixture{
		Metadata: sentinels(guard.address),
		Break:    func(testing.TB) { master.Kill() },
		Repair:   func(testing.TB) { master.restart() },
	})
}
