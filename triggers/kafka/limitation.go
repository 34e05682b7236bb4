package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// interval is a range of partitions, both ends included.
type interval struct{ first, last int32 }

// limitation has the partitions that count; nil stands for all.
type limitation []interval

// includes reports whether a partition counts.
func (l limitation) includes(id int32) bool {
	return l == nil || slices.ContainsFunc(l, func(r interval) bool { return r.first <= id && id <= r.last })
}

// parseLimitation reads numbers and ranges, such as 1, 2 and 10-12.
func parseLimitation(list []string) (limitation, error) {
	var all limitation
	for _, text := range list {
		first, last, isRange := strings.Cut(text, "-")
		if !isRange {
			last = first
		}
		r := interval{}
		for end, digits := range map[*int32]string{&r.first: first, &r.last: last} {
			n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 31)
			if err != nil {
				return nil, fmt.Errorf("%q is neither a partition nor a range of partitions", text)
			}
			*end = int32(n)
		}
		if r.last < r.first {
			return nil, fmt.Errorf("%q ends before it begins", text)
		}
		all = append(all, r)
	}
	return all, nil
}
