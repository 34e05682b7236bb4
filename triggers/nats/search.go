package nats

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/impulse-sh/impulse/triggers"
)

// maxServers is the maximum number of servers of a cluster that one search queries.
const maxServers = 16

// search is one reading of a monitor. Every server of a cluster lists its consumers, but only the leader of a consumer has correct
// numbers. So it first queries the servers that were leaders at the last reading, and searches for the others only if that is not enough.
// It queries each server at most once.
type search struct {
	monitor *monitor
	at      place
	client  *http.Client
	asked   map[string]bool
	// found has a finding for each wanted consumer; open is the number of those whose leader was not found yet.
	found map[name]*finding
	open  int
	// streams are those that a server of the account lists.
	streams map[string]bool
	// clustered and exists are true if a server of a cluster has answered, and a server that has the account.
	clustered, exists bool
	// failed and base are the errors of the last server that did not answer, and of the configured one.
	failed, base error
}

// finding is what a search knows of one consumer.
type finding struct {
	outcome

	// leader is the host and port of the server that leads the consumer; "" if it was not found.
	leader string
	// elsewhere are the names of leaders that followers know.
	elsewhere []string
	// listed is true if a server lists the consumer.
	listed bool
	// incomplete is why an answer about the consumer was not used.
	incomplete error
}

// serverAnswer is the answer of one server.
type serverAnswer struct {
	host      string
	clustered bool
	accounts  []account
	err       error
}

// run searches until all leaders are found, or are nowhere to be found.
func (s *search) run(ctx context.Context) {
	var first []serverAnswer
	s.query(ctx, s.monitor.likelyHosts(s.at), func(a serverAnswer) bool {
		first = append(first, a)
		return true
	})
	s.found = s.monitor.findings() // Now: triggers that began meanwhile are part of this reading, too.
	s.open = len(s.found)
	for _, a := range first {
		s.add(a)
	}
	if s.open > 0 && !s.asked[s.at.base.Host] {
		s.query(ctx, []string{s.at.base.Host}, s.add)
	}
	if s.open > 0 && s.base == nil && s.clustered {
		s.searchCluster(ctx)
	}
	for n, f := range s.found {
		if f.leader == "" {
			f.err = s.reason(n, f)
		}
	}
}

// searchCluster queries the remaining servers of the cluster.
func (s *search) searchCluster(ctx context.Context) {
	var leaders []string
	for _, f := range s.found {
		for _, leader := range f.elsewhere {
			leaders = appendNew(leaders, leader)
		}
	}
	slices.Sort(leaders)
	hosts, err := s.servers(ctx, leaders)
	if err != nil {
		s.base = err
		return
	}
	hosts = slices.DeleteFunc(hosts, func(host string) bool { return s.asked[host] })
	s.query(ctx, hosts, s.add)
}

// query queries servers concurrently, so that a server that hangs delays no other, and calls use with each answer until it returns false.
func (s *search) query(ctx context.Context, hosts []string, use func(serverAnswer) bool) {
	var queries sync.WaitGroup
	defer queries.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan serverAnswer, len(hosts))
	for _, host := range hosts {
		s.asked[host] = true
		queries.Go(func() { answers <- s.consumers(ctx, host) })
	}
	for range hosts {
		if !use(<-answers) {
			return
		}
	}
}

// add adds the answer of a server, and reports whether leaders are still open.
func (s *search) add(a serverAnswer) bool {
	if a.err != nil {
		s.failed = fmt.Errorf("%s: %w", a.host, a.err)
		if a.host == s.at.base.Host {
			s.base = a.err
		}
		return s.open > 0
	}
	s.clustered = s.clustered || a.clustered
	for _, account := range a.accounts {
		s.exists = true
		for i := range account.Streams {
			s.addStream(a, &account.Streams[i])
		}
	}
	return s.open > 0
}

// addStream adds what a server knows of a stream and its consumers.
func (s *search) addStream(a serverAnswer, of *stream) {
	s.streams[of.Name] = true
	for i := range of.Consumers {
		c := &of.Consumers[i]
		f := s.found[name{stream: of.Name, consumer: c.Name}]
		if f != nil && f.leader == "" && f.add(a.host, &consumerState{c, of.replicas(c), a.clustered}) {
			s.open--
		}
	}
}

// add adds what a server knows of a consumer, and reports whether the server is the leader.
func (f *finding) add(host string, c *consumerState) bool {
	f.listed = true
	if err := triggers.CheckComplete(c.Consumer); err != nil {
		f.incomplete = err
		return false
	}
	if c.isLeader() {
		f.leader = host
		f.backlog, f.err = backlogOf(c.Consumer)
		return true
	}
	if c.Cluster != nil && c.Cluster.Leader != "" {
		f.elsewhere = appendNew(f.elsewhere, c.Cluster.Leader)
	}
	return false
}

// reason returns why the leader of a consumer was not found, as far as that is known.
func (s *search) reason(n name, f *finding) error {
	switch {
	case s.base != nil:
		return s.base
	case !s.clustered && f.incomplete != nil:
		return f.incomplete
	case !s.clustered && f.listed:
		return errors.New("it has no leader now")
	case f.incomplete != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster: %w", len(s.asked), f.incomplete)
	case s.clustered && s.failed != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster: %w", len(s.asked), s.failed)
	case f.listed:
		return fmt.Errorf("its leader was not found on %d servers of the cluster", len(s.asked))
	}
	where := ""
	if s.clustered {
		where = " on any server of the cluster"
	}
	switch {
	case !s.exists:
		return fmt.Errorf("account %s does not exist%s, or has no stream", s.at.account, where)
	case !s.streams[n.stream]:
		return fmt.Errorf("stream %s does not exist%s", n.stream, where)
	}
	return fmt.Errorf("it does not exist%s: %s", where, maybeExpired)
}

// appendNew appends a text that is not in the list.
func appendNew(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}
