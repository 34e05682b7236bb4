package redis

import (
	"maps"
	"net"
	"slices"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("the defaults are KEDA's", testDefaultsAreThoseOfKEDA)
	t.Run("the target is that of what counts", testTargetIsThatOfWhatCounts)
	t.Run("every mistake names its field", testEveryMistakeNamesItsField)
	t.Run("addresses have two forms and two names", testAddressesHaveTwoFormsAndTwoNames)
	t.Run("passwords are in no key of the pool or the poller", testPasswordsAreInNoKey)
}

func testDefaultsAreThoseOfKEDA(t *testing.T) {
	for _, c := range []struct {
		kind     triggers.Kind
		metadata map[string]string
		target   scalers.Milli
	}{
		{Redis(), map[string]string{"address": "a:1", "listName": "x"}, 5000},
		{Streams(), map[string]string{"address": "a:1", "stream": "x"}, 5000},
		{Streams(), map[string]string{"address": "a:1", "stream": "x", "consumerGroup": "g"}, 5000},
	} {
		decoded, err := c.kind.Decode(c.metadata)
		if err != nil {
			t.Fatal(err)
		}
		if got := decoded.Trigger(); got.Target != c.target || got.Activation != 0 {
			t.Errorf("%s, %v: the trigger is %+v, want the target %s and no activation", c.kind.Name, c.metadata, got, c.target)
		}
	}
}

func testTargetIsThatOfWhatCounts(t *testing.T) {
	all := Stream{StreamLength: 1000, PendingEntriesCount: 2000, LagCount: 3000, ActivationLagCount: 4000}
	for group, lags := range map[string]map[scalers.Milli]scalers.Milli{"": {0: 1000}, "g": {0: 2000, 3000: 3000}} {
		for lag, want := range lags {
			s := all
			s.ConsumerGroup, s.LagCount = group, lag
			if got := s.Trigger(); got.Target != want || got.Activation != 4000 {
				t.Errorf("group %q, lagCount %s: the trigger is %+v, want the target %s", group, lag, got, want)
			}
		}
	}
}

func testEveryMistakeNamesItsField(t *testing.T) {
	for field, c := range map[string]struct {
		kind     triggers.Kind
		metadata map[string]string
	}{
		"listLength":          {Redis(), map[string]string{"listLength": "0"}},
		"databaseIndex":       {Redis(), map[string]string{"databaseIndex": "-1"}},
		"address":             {Redis(), map[string]string{"address": "redis"}},
		"addresses":           {Redis(), map[string]string{"address": "", "addresses": "a:1,b:2"}},
		"host":                {Cluster(), map[string]string{"address": "", "host": "a,b", "port": "1"}},
		"hosts":               {Sentinel(), map[string]string{"address": "", "hosts": "a"}},
		"port":                {Redis(), map[string]string{"address": "", "port": "6379"}},
		"lagCount":            {Streams(), map[string]string{"lagCount": "5"}},
		"pendingEntriesCount": {ClusterStreams(), map[string]string{"pendingEntriesCount": "-5"}},
		"streamLength":        {SentinelStreams(), map[string]string{"streamLength": "0"}},
	} {
		metadata := map[string]string{"address": "a:1"}
		for _, f := range c.kind.Fields {
			if f.Required {
				metadata[f.Key] = "x"
			}
		}
		if _, err := c.kind.Decode(metadata); err != nil {
			t.Fatal(err)
		}
		maps.Copy(metadata, c.metadata)
		_, err := c.kind.Decode(metadata)
		if mistakes := triggers.FieldErrors(err); len(mistakes) != 1 || mistakes[0].Field != field {
			t.Errorf("%s, %v: the mistakes are %v, want one in %s", c.kind.Name, c.metadata, err, field)
		}
	}
	for _, address := range []string{"redis", "redis:", ":6379", "redis:0", "redis:65536", "redis:x", "redis://redis:6379", "me:pw@redis:6379", "re dis:1", "::1:1"} {
		if _, err := Redis().Decode(map[string]string{"listName": "x", "address": address}); err == nil {
			t.Errorf("the address %q is valid, want a mistake", address)
		}
	}
}

func testAddressesHaveTwoFormsAndTwoNames(t *testing.T) {
	for _, metadata := range []map[string]string{
		{"address": "a:1,[::1]:2"},
		{"addresses": "a:1, [::1]:2"},
		{"host": "a,::1", "port": "1,2"},
		{"hosts": "a,::1", "ports": "1,2"},
		{"host": "a,::1", "ports": "1,2"},
	} {
		metadata["listName"] = "x"
		c, err := Cluster().Decode(metadata)
		if err != nil {
			t.Errorf("%v: %v", metadata, err)
			continue
		}
		remote, _ := c.(triggers.Remote)
		if got, want := remote.Servers(), []string{"a:1", "[::1]:2"}; !slices.Equal(got, want) {
			t.Errorf("%v: the servers are %v, want %v", metadata, got, want)
		}
	}
}

func testPasswordsAreInNoKey(t *testing.T) {
	a, b := settings{server: Server{Password: "hunter2"}}, settings{server: Server{Password: "hunter3"}}
	if a.digest() == b.digest() || len(a.digest()) != 64 {
		t.Errorf("the digests are %s and %s, want different hashes", a.digest(), b.digest())
	}
}

// FuzzResolve: a node refers to a valid address, or to none.
func FuzzResolve(f *testing.F) {
	for _, to := range []string{"127.0.0.1:6380", ":6380", "?:6380", "::1:6380", "[::1]:6380", "redis-1.redis:6380", "", ":", "a b:1", "a:99999"} {
		f.Add("redis:6379", to)
	}
	f.Fuzz(func(t *testing.T, from, to string) {
		if checkServer("", from) != nil {
			return
		}
		address, err := resolve(from, to)
		if err != nil {
			return
		}
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			t.Errorf("%q from %q is %q, want HOST:PORT", to, from, address)
		}
	})
}
