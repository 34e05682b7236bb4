package compile

// DryRunMessage says why nothing is written for a workload that is a dry run.
func (w *Workload) DryRunMessage() string {
	if w.DryRunOfAll {
		return "Impulse runs with --dry-run: counts are decided and reported, and not written"
	}
	return "spec.dryRun is true: counts are decided and reported, and not written"
}
