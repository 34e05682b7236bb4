package doctor

import (
	"fmt"
	"time"
)

// LeaseExpires is the time after which a Lease that is not renewed has no holder any more.
const LeaseExpires = 15 * time.Second

// held reports whether a process holds the Lease. If a second read found a newer renewal, the clocks do not matter.
func (l *Lease) held(in *Installation) bool {
	return l.Holder != "" && (l.Advanced || l.Age(in.Now) <= LeaseExpires)
}

// Age is the time since the last renewal, by the clocks of this machine and of the holder.
func (l *Lease) Age(now time.Time) time.Duration { return now.Sub(l.Renewed).Round(time.Second) }

// leader checks that a replica leads.
func leader(in *Installation) []Finding {
	s := section{check: checkLeader}
	name := Key{in.LeaseNamespace, in.LeaseName}
	logs := fmt.Sprintf("kubectl -n %s logs -l app.kubernetes.io/name=impulse --tail=50", in.LeaseNamespace)
	lease := in.Lease.Value
	switch {
	case in.Lease.Err != nil:
		s.notRead("the Lease "+name.String(), in.Lease.Err)
	case lease == nil:
		s.problem(fmt.Sprintf("there is no Lease %s: no replica has ever led", name), "read the log: "+logs+"; if Impulse is in another namespace, set --lease-namespace")
	case lease.Holder == "":
		s.problem(fmt.Sprintf("nobody holds the Lease %s: nothing scales", name), "read the log: "+logs)
	case !lease.held(in):
		s.problem(fmt.Sprintf("%s holds the Lease %s and has not renewed it for %s: nothing scales", lease.Holder, name, lease.Age(in.Now)), "read the log: "+logs)
	case lease.Age(in.Now) > LeaseExpires:
		s.ok("%s leads", lease.Holder)
		s.warning(fmt.Sprintf("the clock of this machine and that of the leader differ by %s", lease.Age(in.Now)), "compare both with a time server: schedules follow the clock of the leader")
	default:
		s.ok("%s leads, and renewed the Lease %s ago", lease.Holder, max(lease.Age(in.Now), 0))
	}
	return s.all
}
