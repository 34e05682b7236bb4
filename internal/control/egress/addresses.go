// Package egress guards the connections of triggers. Where they go to is for the authors of objects to write, and the network
// sees them come from Impulse: nobody may use them to reach what only this machine can, such as the metadata service of its cloud.
// Addresses are checked when a connection is opened, after a name has been resolved, so that no name leads around the check.
package egress

import (
	"fmt"
	"net/netip"
	"strings"
)

// kind is a sort of addresses that are refused.
type kind string

const (
	none      kind = ""
	loopback  kind = "is this machine itself"
	linkLocal kind = "is link-local, as the metadata services of clouds are"
	metadata  kind = "is the metadata service of a cloud"
)

// services are the metadata services that are not link-local: those of AWS and Google over IPv6, of Alibaba, of Oracle, and
// Azure's host.
var services = [...]netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"), netip.MustParseAddr("168.63.129.16"),
}

// translated is the prefix under which a NAT64 gateway reaches IPv4 addresses.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// kindOf sorts an address. The kernel takes 0.0.0.0 and :: for this machine.
func kindOf(a netip.Addr) kind {
	a = plain(a)
	switch {
	case a.IsLoopback(), a.IsUnspecified(), a.Is4() && a.As4()[0] == 0:
		return loopback
	case a.IsLinkLocalUnicast():
		return linkLocal
	}
	for _, s := range services {
		if a == s {
			return metadata
		}
	}
	return none
}

// plain is an address without its zone, and the IPv4 address that an IPv6 one stands for.
func plain(a netip.Addr) netip.Addr {
	a = a.WithZone("").Unmap()
	if translated.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

// Addresses is a list of address ranges, and a flag of the command line.
type Addresses []netip.Prefix

// String lists the ranges.
func (a *Addresses) String() string {
	all := make([]string, len(*a))
	for i, p := range *a {
		all[i] = p.String()
	}
	return strings.Join(all, ",")
}

// Set adds ranges in the notation of CIDR, or single addresses, separated by commas.
func (a *Addresses) Set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimSpace(one)
		p, err := netip.ParsePrefix(one)
		if single, e := netip.ParseAddr(one); err != nil && e == nil && single.Zone() == "" {
			p, err = netip.PrefixFrom(single, single.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("%q is no range of addresses, such as 127.0.0.0/8 or ::1", one)
		}
		*a = append(*a, p.Masked())
	}
	return nil
}

// Type names the values of the flag.
func (a *Addresses) Type() string { return "cidrs" }

// contain reports whether an address is in one of the ranges.
func (a *Addresses) contain(addr netip.Addr) bool {
	for _, p := range *a {
		if p.Contains(plain(addr)) {
			return true
		}
	}
	return false
}
