package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// result is one measured figure and its reference. For requests and writes, the reference is the least that any implementation needs for
// the same, or the same figure without a load; for memory, a fleet at rest and decisions, it is a fixed budget.
type result struct {
	Name         string  `json:"name"`
	Unit         string  `json:"unit"`
	N            int     `json:"n"`
	P50          float64 `json:"p50"`
	P99          float64 `json:"p99"`
	ReferenceP50 float64 `json:"reference_p50"`
	ReferenceP99 float64 `json:"reference_p99"`
	RatioP50     float64 `json:"ratio_p50"`
	RatioP99     float64 `json:"ratio_p99"`
	// Base is the same figure of another revision, measured in turn with this one; nil without one.
	Base *baseResult `json:"base,omitempty"`
}

// baseResult is a figure of another revision, and the ratio of this one's to it.
type baseResult struct {
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	RatioP50 float64 `json:"ratio_p50"`
	RatioP99 float64 `json:"ratio_p99"`
}

// compare summarizes two series of durations in milliseconds.
func compare(name string, ours, reference []time.Duration) result {
	r := result{Name: name, Unit: "ms", N: len(ours)}
	r.P50, r.P99 = quantile(ours, 50), quantile(ours, 99)
	r.ReferenceP50, r.ReferenceP99 = quantile(reference, 50), quantile(reference, 99)
	return r.ratios()
}

func (r result) ratios() result {
	r.RatioP50, r.RatioP99 = ratio(r.P50, r.ReferenceP50), ratio(r.P99, r.ReferenceP99)
	if r.Base != nil {
		r.Base.RatioP50, r.Base.RatioP99 = ratio(r.P50, r.Base.P50), ratio(r.P99, r.Base.P99)
	}
	return r
}

// ratio is value divided by reference; 0 if there is no reference, or if it is zero.
func ratio(value, reference float64) float64 {
	if reference == 0 {
		return 0
	}
	return value / reference
}

// quantile returns the p-th percentile in milliseconds, by nearest rank.
func quantile(d []time.Duration, p int) float64 {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[max(rank, 1)-1]) / float64(time.Millisecond)
}

// show writes the results as a table.
func show(w io.Writer, results []result) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "name\tn\tp50\tp99\treference p50\treference p99\tratio p50\tratio p99\tbase p50\tbase p99\tratio p50\tratio p99\t")
	for _, r := range results {
		fmt.Fprintf(tw, "%s\t%d\t%.3g %s\t%.3g %s\t%.3g %s\t%.3g %s\t%.2f\t%.2f\t",
			r.Name, r.N, r.P50, r.Unit, r.P99, r.Unit, r.ReferenceP50, r.Unit, r.ReferenceP99, r.Unit, r.RatioP50, r.RatioP99)
		if b := r.Base; b != nil {
			fmt.Fprintf(tw, "%.3g %s\t%.3g %s\t%.2f\t%.2f\t\n", b.P50, r.Unit, b.P99, r.Unit, b.RatioP50, b.RatioP99)
		} else {
			fmt.Fprint(tw, "\t\t\t\t\n")
		}
	}
	_ = tw.Flush()
}

// save writes the results as a JSON list. If they are only a part, those of the other parts stay in the file.
func save(path string, results []result, part bool) error {
	if part {
		earlier, err := readResults(path)
		if err != nil {
			return err
		}
		results = merge(earlier, results)
	}
	content, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("create the folder of the results: %w", err)
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// readResults reads the results in a file. A file that does not exist has none.
func readResults(path string) (results []result, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the earlier results: %w", err)
	}
	if err := json.Unmarshal(content, &results); err != nil {
		return nil, fmt.Errorf("decode the earlier results in %s: %w", path, err)
	}
	return results, nil
}

// merge replaces the earlier results by those with the same names, and adds the others.
func merge(earlier, results []result) []result {
	all := slices.Clone(earlier)
	for _, r := range results {
		if i := slices.IndexFunc(all, func(e result) bool { return e.Name == r.Name }); i >= 0 {
			all[i] = r
		} else {
			all = append(all, r)
		}
	}
	return all
}
