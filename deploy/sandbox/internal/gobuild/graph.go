package gobuild

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// graph is the packages of programs. Weights are about proportional to the time that compiling takes, measured in
// bytes of source.
type graph struct {
	packages map[string]*node
	weight   int64 // Of all packages and programs.
	finished int64 // Of those that are known to be compiled, now or earlier.
	compiled int64 // Of those that were compiled now.
}

// node is one package.
type node struct {
	imports  []string
	weight   int64
	started  bool
	finished bool
}

const (
	// importWeight is added to the weight of a package for each package that it imports, directly or not, because the compiler reads
	// its types.
	importWeight = 250
	// linkShare divides the bytes of a program's packages. The result is the weight of linking it.
	linkShare = 45
	// estimateFrom is the share that must be compiled before the speed is known well enough.
	estimateFrom = 0.02
)

// listedPackage is one package as `go list -json` prints it.
type listedPackage struct {
	ImportPath, Dir  string
	Imports, GoFiles []string
	ImportMap        map[string]string
}

// readGraph reads what `go list -deps -json` printed: packages come after those that they import.
func readGraph(list []byte, mains []string) (*graph, error) {
	g := &graph{packages: map[string]*node{}}
	needs := map[string]*big.Int{} // The numbers of the packages that a package needs, and its own.
	var sizes []int64
	decoder := json.NewDecoder(bytes.NewReader(list))
	for {
		var l listedPackage
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return g, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the list of packages: %w", err)
		}
		n, need := &node{}, new(big.Int).SetBit(new(big.Int), len(sizes), 1)
		sizes = append(sizes, sizeOf(l))
		for _, path := range l.Imports {
			path = cmp.Or(l.ImportMap[path], path)
			n.imports = append(n.imports, path)
			if below := needs[path]; below != nil {
				need.Or(need, below)
			}
		}
		needs[l.ImportPath], g.packages[l.ImportPath] = need, n
		n.weight = weigh(need, sizes, slices.Contains(mains, l.ImportPath))
		g.weight += n.weight
	}
}

// weigh is the weight of the package that was listed last, and of linking it when it is a program.
func weigh(need *big.Int, sizes []int64, links bool) int64 {
	weight := sizes[len(sizes)-1]
	for i, size := range sizes {
		if need.Bit(i) == 0 {
			continue
		}
		weight += importWeight
		if links {
			weight += size / linkShare
		}
	}
	return weight
}

func sizeOf(l listedPackage) int64 {
	var size int64
	for _, file := range l.GoFiles {
		if info, err := os.Stat(filepath.Join(l.Dir, file)); err == nil {
			size += info.Size()
		}
	}
	return size
}

// started records that a package is being compiled. All packages that it imports are compiled by then.
func (g *graph) started(path string) {
	if n := g.packages[path]; n != nil {
		n.started = true
		for _, imported := range n.imports {
			g.finish(imported)
		}
	}
}

func (g *graph) finish(path string) {
	n := g.packages[path]
	if n == nil || n.finished {
		return
	}
	n.finished = true
	g.finished += n.weight
	if n.started {
		g.compiled += n.weight
	}
	for _, imported := range n.imports {
		g.finish(imported)
	}
}

// share is how much is done, from 0 to 1.
func (g *graph) share() float64 {
	if g.weight == 0 {
		return 0
	}
	return float64(g.finished) / float64(g.weight)
}

// mark is how much had been compiled at an instant.
type mark struct {
	at       time.Time
	compiled int64
}

// remaining estimates the remaining time at the speed of this machine since a mark; 0 when too little was compiled. Packages that
// an earlier build has compiled do not count for the speed.
func (g *graph) remaining(since mark, now time.Time) time.Duration {
	compiled := g.compiled - since.compiled
	if float64(compiled) < estimateFrom*float64(g.weight) {
		return 0
	}
	left := time.Duration(float64(now.Sub(since.at)) * float64(g.weight-g.finished) / float64(compiled))
	if left > time.Minute {
		return left.Round(10 * time.Second)
	}
	return left.Round(time.Second)
}
