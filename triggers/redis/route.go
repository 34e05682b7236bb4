package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"
)

// maxRedirects is the maximum number of times that the nodes of a cluster refer one request to another node.
const maxRedirects = 5

// route finds the server of a key, and sends commands to it.
type route struct {
	session *session
	// home is the node of the cluster that has answered last.
	home *atomic.Pointer[string]
	// master is the master of this reading; "" if the Sentinels have not been asked yet.
	master string
}

// do sends a command for one key, and returns the answer.
func (r *route) do(ctx context.Context, command ...any) (any, error) {
	servers := strings.Split(r.session.access.servers, ",")
	switch r.session.access.mode {
	case cluster:
		return r.doInCluster(ctx, servers, command)
	case sentinel:
		if r.master == "" {
			master, err := r.session.findMaster(ctx, servers)
			if err != nil {
				return nil, fmt.Errorf("find the master: %w", err)
			}
			r.master = master
		}
		return r.session.exchange(ctx, node{address: r.master}, false, command...)
	default:
		return r.session.exchange(ctx, node{address: servers[0]}, false, command...)
	}
}

// doInCluster asks the node that has answered last, and then the configured ones, until one knows the node of the key and that answers.
func (r *route) doInCluster(ctx context.Context, servers []string, command []any) (any, error) {
	if home := r.home.Load(); home != nil {
		servers = slices.Insert(slices.DeleteFunc(servers, func(s string) bool { return s == *home }), 0, *home)
	}
	var all []error
	for _, server := range servers {
		answer, err := r.follow(ctx, server, command)
		if err == nil || !elsewhere(err) {
			return answer, err
		}
		if all = append(all, err); ctx.Err() != nil {
			break
		}
	}
	return nil, &failure{all[0].Error(), errors.Join(all...)}
}

// elsewhere reports whether another node may answer: this one cannot be reached, or it knows that it is cut off or not ready.
func elsewhere(err error) bool {
	return !isAnswer(err) || goredis.IsClusterDownError(err) || goredis.IsLoadingError(err) || goredis.IsMasterDownError(err)
}

// follow sends a command to a node, and to those that the nodes refer it to.
func (r *route) follow(ctx context.Context, server string, command []any) (any, error) {
	asking := false
	for range maxRedirects {
		answer, err := r.session.exchange(ctx, node{address: server}, asking, command...)
		if err == nil && !asking {
			r.home.Store(&server)
		}
		next, moved := goredis.IsMovedError(err)
		if !moved {
			next, asking = goredis.IsAskError(err)
		}
		if !moved && !asking {
			return answer, err
		}
		if moved {
			asking = false
		}
		if server, err = resolve(server, next); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("more than %d nodes refer to another one", maxRedirects)
}

// resolve returns the address to which a node refers. A node that does not know its own host leaves it empty: it is the same host then.
func resolve(from, to string) (string, error) {
	separator := strings.LastIndexByte(to, ':')
	if separator < 0 {
		return "", fmt.Errorf("%s refers to a node without an address", from)
	}
	host, port := strings.Trim(to[:separator], "[]"), to[separator+1:]
	if host == "" || host == "?" {
		host, _, _ = net.SplitHostPort(from)
	}
	address := net.JoinHostPort(host, port)
	if checkServer("", address) != nil {
		return "", fmt.Errorf("%s refers to a node without an address", from)
	}
	return address, nil
}

// findMaster asks the Sentinels one after the other for the address of the master, beginning with the one that has answered last.
func (s *session) findMaster(ctx context.Context, sentinels []string) (string, error) {
	var first error
	for _, address := range s.lastFirst(sentinels) {
		answer, err := s.exchange(ctx, node{address, true}, false, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.access.master)
		if errors.Is(err, goredis.Nil) {
			err = fmt.Errorf("%s: there is no master of this name", address)
		}
		var master string
		if err == nil {
			master, err = masterOf(address, answer)
		}
		if err == nil {
			s.mu.Lock()
			s.sentinel = address
			s.mu.Unlock()
			return master, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return "", first
}

// lastFirst returns the Sentinels with the one that has answered last at the start.
func (s *session) lastFirst(sentinels []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(sentinels, s.sentinel); i > 0 {
		sentinels[0], sentinels[i] = sentinels[i], sentinels[0]
	}
	return sentinels
}

// masterOf returns the address in the answer of a Sentinel: its host and its port.
func masterOf(from string, answer any) (string, error) {
	parts, _ := answer.([]any)
	if len(parts) == 2 {
		host, _ := parts[0].(string)
		port, _ := parts[1].(string)
		if address := net.JoinHostPort(host, port); checkServer("", address) == nil {
			return address, nil
		}
	}
	return "", fmt.Errorf("%s does not answer as a Sentinel does", from)
}
