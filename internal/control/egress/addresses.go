package egress

import (
	"fmt"
	"net/netip"
	"strings"
)

// kind is the reason for which an address is refused.
type kind string

const (
	none      kind = ""
	loopback  kind = "is this machine itself"
	linkLocal kind = "is link-local, as the metadata services of clouds are"
	metadata  kind = "is the metadata service of a cloud"
)

// services are the metadata services with other than link-local addresses: those of AWS and Google over IPv6, of Alibaba, of Oracle,
// and the host of Azure.
var services = [...]netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"), netip.MustParseAddr("168.63.129.16"),
}

// nat64Prefix is the prefix under which a NAT64 gateway reaches IPv4 addresses.
var nat64Prefix = netip.MustParsePrefix("64:ff9b::/96")

// kindOf returns the reason for which an address is refused, or none. The kernel connects 0.0.0.0 and :: to this machine.
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

// plain returns an address without its zone, and the IPv4 address that an IPv6 address maps or translates.
func plain(a netip.Addr) netip.Addr {
	a = a.WithZone("").Unmap()
	if nat64Prefix.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

// Addresses is a list of address ranges. It implements pflag.Value.
type Addresses []netip.Prefix

// String returns the ranges, separated by commas.
func (a *Addresses) String() string {
	all := make([]string, len(*a))
	for i, p := range *a {
		all[i] = p.String()
	}
	return strings.Join(all, ",")
}

// Set adds CIDRs or single addresses, separated by commas.
func (a *Addresses) Set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimSpace(one)
		p, err := netip.ParsePrefix(one)
		if single, e := netip.ParseAddr(one); err != nil && e == nil && single.Zone() == "" {
			p, err = netip.PrefixFrom(single, single.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("%q is not an address or CIDR, such as 127.0.0.0/8 or ::1", one)
		}
		*a = append(*a, p.Masked())
	}
	return nil
}

// Type returns the name of the type for help texts.
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
