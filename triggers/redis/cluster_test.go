package redis

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestCluster(t *testing.T) {
	t.Run("a key is found on each node", testKeyIsFoundOnEachNode)
	t.Run("a key is found while its slot moves and afterwards", testKeyIsFoundWhileItsSlotMoves)
	t.Run("a cluster that is down is unknown until it is up", testClusterThatIsDownIsUnknownUntilItIsUp)
	t.Run("one configured node that is up is enough", testOneConfiguredNodeIsEnough)
	t.Run("a server that is no cluster is read as it is", testServerThatIsNoClusterIsRead)
}

// universal is a client of a server or of a cluster.
type universal interface {
	Do(ctx context.Context, command ...any) *goredis.Cmd
}

// nodes are the three masters of a cluster.
type nodes struct {
	masters []*server
	client  *goredis.ClusterClient
}

// startCluster starts a cluster of three masters, each with a third of the slots; args are added to their command lines. The others regard a
// node as down when it has been silent for 30 s, which a busy machine does not reach.
func startCluster(t *testing.T, args ...string) *nodes {
	t.Helper()
	n := &nodes{}
	for i := range 3 {
		_, bus, _ := net.SplitHostPort(testkit.FreeAddress(t))
		s := start(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "30000"}, args...)...)
		n.masters = append(n.masters, s)
		s.do("CLUSTER", "ADDSLOTSRANGE", i*5462, min(i*5462+5461, 16383))
		if _, port, _ := net.SplitHostPort(s.address); i > 0 {
			n.masters[0].do("CLUSTER", "MEET", "127.0.0.1", port, bus)
		}
	}
	n.client = goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: n.addresses(), DisableIdentity: true})
	t.Cleanup(func() { _ = n.client.Close() })
	n.waitUp()
	return n
}

// waitUp waits until all nodes know that the cluster is up.
func (n *nodes) waitUp() {
	for _, s := range n.masters {
		s.Eventually("the cluster is up", func(ctx context.Context) bool {
			info := s.client.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
}

func (n *nodes) addresses() []string {
	addresses := []string{}
	for _, s := range n.masters {
		addresses = append(addresses, s.address)
	}
	return addresses
}

// metadata returns the metadata of a trigger of the cluster. pairs are further keys and values.
func (n *nodes) metadata(pairs ...string) map[string]string {
	m := n.masters[0].metadata(pairs...)
	delete(m, "address")
	m["addresses"] = strings.Join(n.addresses(), ", ")
	return m
}

// slot returns the slot of a key.
func (n *nodes) slot(key string) int64 {
	slot, _ := n.masters[0].do("CLUSTER", "KEYSLOT", key).(int64)
	return slot
}

// id returns the ID of a node.
func (s *server) id() any { return s.do("CLUSTER", "MYID") }

func testKeyIsFoundOnEachNode(t *testing.T) {
	n := startCluster(t)
	seen := map[int64]bool{}
	for i := range 12 {
		name := fmt.Sprint("jobs-", i)
		seen[n.slot(name)/5462] = true
		for range i {
			if err := n.client.RPush(t.Context(), name, "x").Err(); err != nil {
				t.Fatal(err)
			}
		}
		r := newReader(t, Cluster(), n.metadata("listName", name), nil)
		for range 2 { // The second reading asks the node that the first has found.
			expect(t, r, strconv.Itoa(i))
		}
	}
	if len(seen) != 3 {
		t.Errorf("the keys are on %d nodes, want 3", len(seen))
	}
}

func testKeyIsFoundWhileItsSlotMoves(t *testing.T) {
	n := startCluster(t)
	slot := n.slot("jobs")
	from, to := n.masters[slot/5462], n.masters[(slot/5462+1)%3]
	from.do("RPUSH", "jobs", 1, 2, 3)
	from.do("RPUSH", "{jobs}more", 1, 2)
	jobs := newReader(t, Cluster(), n.metadata("listName", "jobs"), nil)
	more := newReader(t, Cluster(), n.metadata("listName", "{jobs}more"), nil)
	missing := newReader(t, Cluster(), n.metadata("listName", "{jobs}missing"), nil)
	expectAll := func() {
		t.Helper()
		expect(t, jobs, "3")
		expect(t, more, "2")
		expect(t, missing, "0")
	}
	expectAll()
	to.do("CLUSTER", "SETSLOT", slot, "IMPORTING", from.id())
	from.do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id())
	expectAll()
	host, port, _ := net.SplitHostPort(to.address)
	from.do("MIGRATE", host, port, "", 0, 5000, "KEYS", "jobs")
	expectAll() // Only one of the keys has moved.
	from.do("MIGRATE", host, port, "", 0, 5000, "KEYS", "{jobs}more")
	for _, s := range n.masters {
		s.do("CLUSTER", "SETSLOT", slot, "NODE", to.id())
	}
	expectAll()
}

func testClusterThatIsDownIsUnknownUntilItIsUp(t *testing.T) {
	n := startCluster(t, "--cluster-node-timeout", "2000")
	owner := n.masters[n.slot("jobs")/5462]
	owner.do("RPUSH", "jobs", 1, 2, 3)
	r := newReader(t, Cluster(), n.metadata("listName", "jobs"), nil)
	expect(t, r, "3")
	owner.Kill()
	expectUnknown(t, r, "connection refused", "CLUSTERDOWN")
	testkit.Eventually(t, "the other nodes know that the cluster is down", func(ctx context.Context) bool {
		_, err := r.Read(ctx)
		return goredis.IsClusterDownError(err)
	})
	owner.restart()
	n.waitUp()
	expect(t, r, "3")
}

func testOneConfiguredNodeIsEnough(t *testing.T) {
	n := startCluster(t)
	n.masters[n.slot("jobs")/5462].do("RPUSH", "jobs", 1, 2, 3)
	for _, s := range n.masters {
		m := s.metadata("listName", "jobs")
		m["address"] = testkit.FreeAddress(t) + "," + s.address
		expect(t, newReader(t, Cluster(), m, nil), "3")
	}
}

func testServerThatIsNoClusterIsRead(t *testing.T) {
	s := start(t)
	s.do("RPUSH", "jobs", 1)
	expect(t, newReader(t, Cluster(), s.metadata("listName", "jobs"), nil), "1")
}

func testKindsOfClusterConform(t *testing.T) {
	n := startCluster(t)
	fill(t, n.client)
	_ = n.client.Close()
	for _, s := range n.masters {
		s.args = append(s.args, "--requirepass", "correct horse")
		s.do("CONFIG", "SET", "requirepass", "correct horse")
	}
	conform(t, Cluster(), ClusterStreams(), triggertest.Fixture{
		Metadata: map[string]string{"address": strings.Join(n.addresses(), ",")},
		Secrets:  map[string]string{"password": "correct horse"},
		Break: func(testing.TB) {
			for _, s := range n.masters {
				s.Kill()
			}
		},
		Repair: func(testing.TB) {
			for _, s := range n.masters {
				s.restart()
			}
		},
	})
}
