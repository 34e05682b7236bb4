package builtin

import (
	"maps"
	"slices"

	"github.com/impulse-sh/impulse/triggers"
)

// folders holds the functions that return kinds, by the name of their folder, and lists those that return several. Both are filled by
// init functions only.
var (
	folders = map[string][]func() triggers.Kind{}
	lists   = map[string]func() []triggers.Kind{}
)

// add adds the kinds of one folder.
func add(folder string, kinds ...func() triggers.Kind) { folders[folder] = kinds }

// addAll adds the kinds of a folder that has many.
func addAll(folder string, kinds func() []triggers.Kind) { lists[folder] = kinds }

// Kinds returns every kind of this build, ordered by the name of its folder. Those of folders with many follow.
func Kinds() []triggers.Kind {
	var kinds []triggers.Kind
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		for _, kind := range folders[folder] {
			kinds = append(kinds, kind())
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(lists)) {
		kinds = append(kinds, lists[folder]()...)
	}
	for i := range kinds {
		if k := &kinds[i]; k.Limits != nil && openThroughBridge != nil {
			k.OpenThroughBridge = openThroughBridge(k.Name)
		}
	}
	return kinds
}
