package simulate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/impulse-sh/impulse/internal/printable"
)

// Table writes scores as a table, one policy per line, with its replica-hours as a share of the oracle's. The error is that of w.
func Table(w io.Writer, tracks []*Track, oracle *Track) error {
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, strings.Join([]string{
		"POLICY", "REPLICA-HOURS", "OF ORACLE", "UNDER", "BY", "OVER", "BY", "ACTIONS", "FLAPS", "LONGEST BACKLOG", "",
	}, "\t"))
	for _, t := range tracks {
		s := &t.Score
		of := "-"
		if oracle.Score.ReplicaHours > 0 {
			of = fmt.Sprintf("%.0f%%", 100*s.ReplicaHours/oracle.Score.ReplicaHours)
		}
		fmt.Fprintf(out, "%s\t%.1f\t%s\t%.1f%%\t%.2f\t%.1f%%\t%.2f\t%d\t%d\t%s\t\n",
			printable.Line(t.Name, printable.Longest), s.ReplicaHours, of, 100*s.UnderShare, s.UnderMean, 100*s.OverShare, s.OverMean, s.Actions, s.Flaps,
			s.LongestBacklog.Round(time.Second))
	}
	return out.Flush()
}
