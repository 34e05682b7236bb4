package endpointslices

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/impulse-sh/impulse/triggers"
)

// slice is the part of an EndpointSlice that matters.
type slice struct {
	service string
	// ports are its TCP ports. None means all ports.
	ports []int32
	ready []endpoint
}

// endpoint is a ready endpoint. Endpoints with the same identity in two slices are one server: a dual-stack Service has a slice for each
// family of addresses.
type endpoint struct{ identity, address string }

func trim(object any) (slice, bool) {
	s, ok := object.(*discoveryv1.EndpointSlice)
	if !ok || s.Labels[discoveryv1.LabelServiceName] == "" {
		return slice{}, false
	}
	trimmed := slice{service: s.Labels[discoveryv1.LabelServiceName], ports: tcpPorts(s.Ports)}
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if len(e.Addresses) == 0 || e.Conditions.Ready != nil && !*e.Conditions.Ready {
			continue
		}
		found := endpoint{identity: e.Addresses[0], address: e.Addresses[0]} // Further addresses reach the same server.
		if e.TargetRef != nil && e.TargetRef.UID != "" {
			found.identity = string(e.TargetRef.UID)
		}
		trimmed.ready = append(trimmed.ready, found)
	}
	return trimmed, true
}

// tcpPorts returns the TCP ports of a slice; none if it has all ports.
func tcpPorts(all []discoveryv1.EndpointPort) []int32 {
	var ports []int32
	for _, p := range all {
		switch {
		case p.Port == nil:
			return nil
		case p.Protocol == nil || *p.Protocol == corev1.ProtocolTCP:
			ports = append(ports, *p.Port)
		}
	}
	return ports
}

// merge returns the endpoints in the slices of one Service, each once and ordered by address.
func merge(all []slice) []triggers.ServiceEndpoint {
	servers := map[string]*triggers.ServiceEndpoint{}
	for _, s := range all {
		for _, e := range s.ready {
			known := servers[e.identity]
			switch {
			case known == nil:
				servers[e.identity] = &triggers.ServiceEndpoint{Address: e.address, Ports: slices.Clone(s.ports)}
				continue
			case len(known.Ports) == 0 || len(s.ports) == 0:
				known.Ports = nil
			default:
				known.Ports = append(known.Ports, s.ports...)
			}
			known.Address = slices.MinFunc([]string{known.Address, e.address}, byAddress)
		}
	}
	endpoints := make([]triggers.ServiceEndpoint, 0, len(servers))
	for _, e := range servers {
		slices.Sort(e.Ports)
		e.Ports = slices.Compact(e.Ports)
		endpoints = append(endpoints, *e)
	}
	slices.SortFunc(endpoints, func(a, b triggers.ServiceEndpoint) int { return byAddress(a.Address, b.Address) })
	return endpoints
}

// byAddress orders addresses of IPv4 before those of IPv6.
func byAddress(a, b string) int {
	isIPv6 := func(address string) int { return min(strings.Count(address, ":"), 1) }
	return cmp.Or(isIPv6(a)-isIPv6(b), strings.Compare(a, b))
}
