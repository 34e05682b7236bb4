package keda

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
)

// maxServers bounds the servers that one trigger may name.
const maxServers = 64

// checkServers checks the servers that a request names with the rules for sources, because KEDA's scalers connect by themselves. What they
// connect to later, such as after a redirect, is not known here.
func checkServers(ctx context.Context, check func(context.Context, string) error, r *bridgeapi.ReadRequest) error {
	if check == nil {
		return nil
	}
	checked := map[string]bool{}
	parameters := make(map[string]string, len(r.GetParameters()))
	for name, value := range r.GetParameters() {
		parameters[name] = string(value)
	}
	for _, part := range []struct {
		name   string
		values map[string]string
	}{
		{"metadata", r.GetMetadata()},
		{"the variable of", r.GetEnvironment()},
		{"parameter", parameters},
		{"podIdentity", map[string]string{"identityAuthorityHost": r.GetPodIdentity().GetIdentityAuthorityHost()}},
	} {
		for _, key := range slices.Sorted(maps.Keys(part.values)) {
			for _, host := range serversIn(key, part.values[key]) {
				if checked[host] {
					continue
				}
				checked[host] = true
				if len(checked) > maxServers {
					return fmt.Errorf("it names more than %d servers", maxServers)
				}
				if err := check(ctx, host); err != nil {
					return fmt.Errorf("%s %s: %w", part.name, key, err)
				}
			}
		}
	}
	return nil
}

// isSeparator reports whether a character ends a part of a connection string, of a list or of JSON.
func isSeparator(r rune) bool { return strings.ContainsRune(";,\"'`()[]{}<> \t\r\n", r) }

// ipv6 matches an IPv6 address in brackets.
var ipv6 = regexp.MustCompile(`\[([0-9A-Fa-f:.]+)(%[^\]]*)?\]`)

// serversIn returns the hosts in a value: of URLs, of HOST:PORT, IP addresses, and, under a key for a host, names.
func serversIn(key, value string) []string {
	var hosts []string
	for _, address := range ipv6.FindAllStringSubmatch(value, -1) {
		hosts = append(hosts, address[1])
	}
	for part := range strings.FieldsFuncSeq(value, isSeparator) {
		hosts = append(hosts, hostsIn(key, part)...)
		if name, after, ok := strings.Cut(part, "="); ok {
			hosts = append(hosts, hostsIn(name, after)...)
		}
	}
	return hosts
}

// hostsIn returns the host of one part of a value; none if it is no server.
func hostsIn(key, part string) []string {
	scheme, rest, isURL := strings.Cut(part, "://")
	if !isURL {
		rest = strings.TrimPrefix(strings.TrimLeft(part, "/"), "tcp:") // tcp: is a form of SQL Server.
	}
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, "?")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if plain, err := url.PathUnescape(rest); err == nil {
		rest = plain
	}
	host, port, err := net.SplitHostPort(rest)
	_, notNumber := strconv.ParseUint(port, 10, 16)
	switch {
	case err == nil && notNumber == nil && host != "":
		return []string{host}
	case isURL && scheme != "" && rest != "":
		return []string{strings.TrimSuffix(rest, ":")}
	}
	if address, err := netip.ParseAddr(rest); err == nil {
		return []string{address.String()}
	}
	if isName.MatchString(rest) && (strings.EqualFold(rest, "localhost") || ofHost.MatchString(key)) {
		return []string{rest}
	}
	return nil
}

var (
	// isName matches a name of a host.
	isName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9.])?$`)
	// ofHost matches the keys of parameters that have a host without a port.
	ofHost = regexp.MustCompile(`(?i)host|server|address|endpoint|url|uri|broker|data ?source`)
)
