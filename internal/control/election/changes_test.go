package election

import "testing"

func TestChanges(t *testing.T) {
	t.Run("only another leader than before is a change", func(t *testing.T) {
		var e Elector
		for i, step := range []struct {
			holder  string
			changes int64
		}{{"", 0}, {"a", 0}, {"a", 0}, {"", 0}, {"a", 0}, {"b", 1}, {"", 1}, {"a", 2}} {
			e.observeLeader(step.holder)
			if e.Changes() != step.changes || e.Leader() != step.holder {
				t.Errorf("step %d, holder %q: got %d changes and the leader %q, want %d", i, step.holder, e.Changes(), e.Leader(), step.changes)
			}
		}
	})
}
