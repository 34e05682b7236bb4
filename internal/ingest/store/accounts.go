package store

import (
	"container/list"
	"fmt"
	"slices"
)

// Limits of what is stored of all namespaces together. One namespace may have half of each, and one credential in it a quarter.
const (
	// MaxFiring bounds the firing alerts.
	MaxFiring = 20_000
	// MaxResolved bounds the resolved alerts that are remembered: the oldest are forgotten first.
	MaxResolved = 20_000
	// MaxPushed bounds the levels of trigger endpoints.
	MaxPushed = 20_000
	// MaxPerEndpoint bounds the levels of one trigger endpoint.
	MaxPerEndpoint = 1000
	// MaxBytes bounds the size of all records in JSON, in bytes.
	MaxBytes = 64 << 20
)

// limits bound one account: the number of records by class, and their size in bytes.
type limits struct {
	count [isResolved + 1]int
	bytes int
}

var (
	allLimits        = limits{[...]int{isFiring: MaxFiring, isPushed: MaxPushed, isResolved: MaxResolved}, MaxBytes}
	namespaceLimits  = limits{[...]int{isFiring: MaxFiring / 2, isPushed: MaxPushed / 2, isResolved: MaxResolved / 2}, MaxBytes / 2}
	credentialLimits = limits{[...]int{isFiring: MaxFiring / 4, isPushed: MaxPushed / 4, isResolved: MaxResolved / 4}, MaxBytes / 4}
	triggerLimits    = limits{[...]int{isFiring: MaxFiring / 4, isPushed: MaxPerEndpoint, isResolved: MaxResolved / 4}, MaxBytes / 4}
)

// rank is the order in which records are evicted to free space: the lowest first, and those that are kept never.
type rank uint8

const (
	resolvedUnselected rank = iota
	firingUnselected
	pushedUnselected
	resolvedSelected
	kept
)

// evicts returns the rank of the records that are evicted for one of a class.
func (c class) evicts() rank {
	if c == isPushed {
		return pushedUnselected
	}
	return firingUnselected
}

// rankOf returns the rank of a record of a class.
func rankOf(c class, unselected bool) rank {
	switch {
	case c == isResolved && unselected:
		return resolvedUnselected
	case c == isResolved:
		return resolvedSelected
	case !unselected:
		return kept
	default:
		return c.evicts()
	}
}

// accounts count the records, and order those that may be evicted.
//
// Invariants:
//   - Each record that was added, and not removed since, is counted in the accounts of its endpoint, of its namespace and of all, as
//     what it was when it was added last.
//   - Each evictable record is in the list of its rank, in order of the last delivery.
//   - Empty accounts are forgotten.
type accounts struct {
	all        account
	namespaces map[string]*account
	endpoints  map[string]*account
	// overfull are the accounts that had more resolved records than their limit when one was added.
	overfull []*account
}

// account counts the records of one endpoint, of one namespace, or of all.
type account struct {
	limits *limits
	// name is the endpoint's or the namespace's.
	name  string
	count [isResolved + 1]int
	bytes int
	// evictable has the records that may be evicted, by rank: those that were delivered longest ago first. evictableBytes is their size.
	evictable      [kept]list.List
	evictableBytes int
}

// charge has what the accounts count for one record.
type charge struct {
	class    class
	rank     rank
	size     int
	accounts [3]*account
	// elements are the places in the lists of the accounts.
	elements [3]*list.Element
}

func newAccounts() accounts {
	return accounts{all: account{limits: &allLimits}, namespaces: map[string]*account{}, endpoints: map[string]*account{}}
}

// of returns the accounts of an endpoint, and creates missing ones: its own, its namespace's and that of all.
func (all *accounts) of(endpoint string) [3]*account {
	namespace, isTrigger := namespaceOf(endpoint)
	own := all.endpoints[endpoint]
	if own == nil {
		own = &account{limits: &credentialLimits, name: endpoint}
		if isTrigger {
			own.limits = &triggerLimits
		}
		all.endpoints[endpoint] = own
	}
	ns := all.namespaces[namespace]
	if ns == nil {
		ns = &account{limits: &namespaceLimits, name: namespace}
		all.namespaces[namespace] = ns
	}
	return [3]*account{own, ns, &all.all}
}

// add counts a record as what it is now. It must not be counted already.
func (all *accounts) add(e *entry, r rank) {
	c := &e.charge
	c.class, c.rank, c.size, c.accounts = e.class(), r, e.size(), all.of(e.Endpoint)
	for i, a := range c.accounts {
		c.elements[i] = a.add(e)
		if a.count[isResolved] > a.limits.count[isResolved] {
			all.overfull = append(all.overfull, a)
		}
	}
}

// remove removes a record from the counts.
func (all *accounts) remove(e *entry) {
	c := &e.charge
	for i, a := range c.accounts {
		a.remove(c, c.elements[i])
	}
	*c = charge{}
}

// forget removes the accounts of an endpoint that count nothing.
func (all *accounts) forget(endpoint string) {
	if a := all.endpoints[endpoint]; a != nil && a.empty() {
		delete(all.endpoints, endpoint)
	}
	namespace, _ := namespaceOf(endpoint)
	if a := all.namespaces[namespace]; a != nil && a.empty() {
		delete(all.namespaces, namespace)
	}
}

// refresh notes that a record was delivered: others of its rank are evicted before it.
func (c *charge) refresh() {
	if c.rank == kept || c.class == isResolved {
		return
	}
	for i, a := range c.accounts {
		a.evictable[c.rank].MoveToBack(c.elements[i])
	}
}

// oldest returns the record of a rank that was delivered longest ago; nil if there is none. Of all records together it is one of the
// namespace that has most of the rank.
func (all *accounts) oldest(a *account, r rank) *entry {
	from := a
	if a == &all.all {
		for _, ns := range all.namespaces {
			if from == a || ns.evictable[r].Len() > from.evictable[r].Len() {
				from = ns
			}
		}
	}
	front := from.evictable[r].Front()
	if front == nil {
		return nil
	}
	e, _ := front.Value.(*entry)
	return e
}

// add counts a record by its charge, and returns its place among the evictable ones; nil if it is kept.
func (a *account) add(e *entry) *list.Element {
	c := &e.charge
	a.count[c.class]++
	a.bytes += c.size
	if c.rank == kept {
		return nil
	}
	a.evictableBytes += c.size
	return a.evictable[c.rank].PushBack(e)
}

func (a *account) remove(c *charge, element *list.Element) {
	a.count[c.class]--
	a.bytes -= c.size
	if element != nil {
		a.evictableBytes -= c.size
		a.evictable[c.rank].Remove(element)
	}
}

func (a *account) empty() bool { return a.count == [isResolved + 1]int{} }

// demand is the space that additions need.
type demand struct {
	count [isResolved + 1]int
	bytes int
}

func (d *demand) add(n *addition) {
	if !n.stored {
		d.count[n.class]++
	}
	d.bytes += n.bytes
}

// canFit returns an error if there is no space for a demand even after everything evictable is evicted.
func (a *account) canFit(d *demand) *FullError {
	for c, what := range map[class]string{isFiring: "firing alerts", isPushed: "pushed levels"} {
		needed := a.count[c] - a.evictable[c.evicts()].Len()
		if d.count[c] > 0 && needed+d.count[c] > a.limits.count[c] {
			return a.full("may have %d %s, has %d that are needed, and was sent %d more", a.limits.count[c], what, needed, d.count[c])
		}
	}
	if needed := a.bytes - a.evictableBytes; d.bytes > 0 && needed+d.bytes > a.limits.bytes {
		return a.full("may have %d bytes of alerts, has %d that are needed, and was sent %d more", a.limits.bytes, needed, d.bytes)
	}
	return nil
}

func (a *account) full(format string, args ...any) *FullError {
	return &FullError{Owner: a.owner(), Limit: fmt.Sprintf(format, args...)}
}

// exceedsCount reports whether a demand has more records than fit without eviction; exceedsBytes, whether they are larger.
func (a *account) exceedsCount(d *demand) bool {
	return slices.ContainsFunc([]class{isFiring, isPushed}, func(c class) bool {
		return d.count[c] > 0 && a.count[c]+d.count[c] > a.limits.count[c]
	})
}

func (a *account) exceedsBytes(d *demand) bool {
	return d.bytes > 0 && a.bytes+d.bytes > a.limits.bytes
}

// owner returns a name of the account for people.
func (a *account) owner() string {
	e := ParseEndpoint(a.name)
	place := "namespace " + e.Namespace
	if e.Namespace == "" {
		place = "the cluster-wide receiver"
	}
	switch {
	case a.limits == &allLimits:
		return "all namespaces together"
	case a.limits == &namespaceLimits:
		return place
	case e.Object != "":
		return fmt.Sprintf("trigger %s of ScaledObject %s/%s", e.Trigger, e.Namespace, e.Object)
	case e.Credential == "":
		return "anonymous senders in " + place
	default:
		return fmt.Sprintf("credential %s in %s", e.Credential, place)
	}
}
