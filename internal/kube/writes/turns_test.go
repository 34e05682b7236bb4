package writes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurns(t *testing.T) {
	t.Parallel()
	t.Run("every turn is granted, within the bounds, and none waits that could be granted", testEveryTurnIsGrantedWithinBounds)
	t.Run("raises go first, and one turn in four is a lowering's", testRaisesGoFirst)
	t.Run("namespaces take turns", testNamespacesTakeTurns)
	t.Run("a namespace whose writes are not answered delays no other", testNamespaceWhoseWritesAreNotAnsweredDelaysNoOther)
	t.Run("many namespaces whose writes are not answered leave turns to others", testManyNamespacesThatHangLeaveTurnsToOthers)
	t.Run("pushback halves the bounds, and success makes them whole again", testPushbackHalvesBounds)
	t.Run("a namespace is forgotten when it has nothing to write", testNamespaceIsForgotten)
	t.Run("a caller that waits returns when its turn is granted or its context is done", testCallerThatWaits)
	t.Run("without turns each write is sent at once", func(t *testing.T) {
		var none *Turns
		turn := none.Join("shop", 1, func() { t.Error("granted was called") })
		if turn.End(nil); !turn.Granted() {
			t.Error("a turn is not granted")
		}
	})
}

// queue joins turns, and notes which are granted, in order.
type queue struct {
	turns   *Turns
	granted []string
}

func (q *queue) join(namespace string, change int32, name string) *Turn {
	turn := q.turns.Join(namespace, change, func() { q.granted = append(q.granted, name) })
	if turn.Granted() {
		q.granted = append(q.granted, name)
	}
	return turn
}

// fill takes every turn of other namespaces, so that those that join from then on wait.
func (q *queue) fill() (all []*Turn) {
	for i := range mostCounts {
		all = append(all, q.join(fmt.Sprintf("other-%d", i), 1, "other"))
	}
	q.granted, q.turns.grants = nil, 0
	return all
}

func testEveryTurnIsGrantedWithinBounds(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			c := &crowd{t: t, rand: rand.New(rand.NewPCG(seed, 3)), turns: NewTurns(), granted: map[int]int{}}
			for range 2000 {
				c.step()
			}
			c.endAll()
			for n, times := range c.granted {
				if times != 1 {
					t.Errorf("seed %d: turn %d was granted %d times", seed, n, times)
				}
			}
			if len(c.granted)+c.left != c.joined || c.left == 0 || len(c.granted) < mostCounts {
				t.Errorf("seed %d: of %d turns, %d were granted and %d left the queue", seed, c.joined, len(c.granted), c.left)
			}
		})
	}
}

// crowd joins and ends turns at random.
type crowd struct {
	t     *testing.T
	rand  *rand.Rand
	turns *Turns
	open  []*Turn
	// granted is how often each turn was granted, by its number. left is the number of those that ended before.
	granted      map[int]int
	joined, left int
}

// step joins or ends a turn, and lets some time pass after an end.
func (c *crowd) step() {
	if len(c.open) == 0 || c.rand.IntN(5) > 1 {
		c.join()
		return
	}
	c.end(c.rand.IntN(len(c.open)), []error{nil, nil, nil, context.DeadlineExceeded}[c.rand.IntN(4)])
	<-time.After(time.Duration(c.rand.IntN(100)) * time.Millisecond)
}

// endAll ends all turns, each once it is granted.
func (c *crowd) endAll() {
	for len(c.open) > 0 {
		i := slices.IndexFunc(c.open, (*Turn).Granted)
		if i < 0 {
			c.t.Fatalf("%d turns wait, and none is granted", len(c.open))
		}
		c.end(i, nil)
	}
}

func (c *crowd) join() {
	n := c.joined
	c.joined++
	turn := c.turns.Join(fmt.Sprintf("n%d", c.rand.IntN(c.rand.IntN(6)+1)), int32(1-2*c.rand.IntN(2)), func() { c.granted[n]++ })
	if turn.Granted() {
		c.granted[n]++
	}
	c.open = append(c.open, turn)
	check(c.t, c.turns)
}

func (c *crowd) end(i int, err error) {
	if !c.open[i].Granted() {
		c.left++
	}
	c.open[i].End(err)
	c.open = slices.Delete(c.open, i, i+1)
	check(c.t, c.turns)
}

// check fails the test if a bound does not hold, or if a turn waits that could be granted.
func check(t *testing.T, all *Turns) {
	t.Helper()
	sum := 0
	for name, n := range all.namespaces {
		sum += n.bound.inFlight
		if n.bound.inFlight > mostOfNamespace || n.bound.limit < leastOfNamespace || n.bound.limit > mostOfNamespace {
			t.Fatalf("namespace %s has %d turns of %d", name, n.bound.inFlight, n.bound.limit)
		}
		if all.bound.free() && n.bound.free() && n.waiting[raise].Len()+n.waiting[lowering].Len() > 0 {
			t.Fatalf("a turn of %s waits, and could be granted", name)
		}
		for u := range n.waiting {
			if slices.Contains(all.waiting[u], n) != (n.waiting[u].Len() > 0) {
				t.Fatalf("namespace %s has %d turns that wait, and is in the queue: %t", name, n.waiting[u].Len(), slices.Contains(all.waiting[u], n))
			}
		}
	}
	if sum != all.bound.inFlight || sum > mostCounts || all.bound.limit < leastCounts {
		t.Fatalf("%d turns are granted, of which %d are counted, of %d", sum, all.bound.inFlight, all.bound.limit)
	}
}

func testRaisesGoFirst(t *testing.T) {
	q := &queue{turns: NewTurns()}
	all := q.fill()
	for i := range 6 {
		q.join("shop", -1, fmt.Sprint("down", i))
	}
	for i := range 6 {
		q.join("shop", 1, fmt.Sprint("up", i))
	}
	for i := range 12 {
		all[i].End(nil)
	}
	if got, want := strings.Join(q.granted, " "), "up0 up1 up2 down0 up3 up4 up5 down1 down2 down3 down4 down5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func testNamespacesTakeTurns(t *testing.T) {
	q := &queue{turns: NewTurns()}
	all := q.fill()
	for _, name := range []string{"a", "b", "c"} {
		for i := range 3 {
			q.join(name, 1, fmt.Sprint(name, i))
		}
	}
	for i := range 9 {
		all[i].End(nil)
	}
	if got, want := strings.Join(q.granted, " "), "a0 b0 c0 a1 b1 c1 a2 b2 c2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// hang writes n counts of a namespace again and again. None is answered within 5 s. It returns a function that ends this.
func hang(t *testing.T, turns *Turns, namespace string, n int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-time.After(time.Duration(i) * 50 * time.Millisecond)
			for ctx.Err() == nil {
				turn, err := turns.Wait(ctx, namespace, 1)
				if err != nil {
					return
				}
				<-time.After(5 * time.Second)
				turn.End(context.DeadlineExceeded)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

func testManyNamespacesThatHangLeaveTurnsToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns()
		for i := range 30 {
			defer hang(t, turns, fmt.Sprint("hangs-", i), 5)()
		}
		<-time.After(time.Minute)
		for i := range 200 {
			began := time.Now()
			turn, err := turns.Wait(t.Context(), "shop", 1)
			if waited := time.Since(began); err != nil || waited > 5*time.Second { // That of the writes in flight.
				t.Fatalf("count %d waited %s: %v", i, waited, err)
			}
			<-time.After(10 * time.Millisecond)
			turn.End(nil)
		}
		if synctest.Wait(); !turns.bound.free() {
			t.Errorf("after 200 counts %d may be in flight, want more than the others have", turns.bound.limit)
		}
	})
}

func testNamespaceWhoseWritesAreNotAnsweredDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns()
		stop := hang(t, turns, "hangs", 10*mostOfNamespace)
		<-time.After(time.Minute)
		synctest.Wait()
		for i := range 200 {
			began := time.Now()
			turn, err := turns.Wait(t.Context(), "shop", -1)
			if waited := time.Since(began); err != nil || waited > 0 {
				t.Fatalf("count %d waited %s: %v", i, waited, err)
			}
			<-time.After(time.Second)
			turn.End(nil)
		}
		synctest.Wait()
		if n := turns.namespaces["hangs"]; n.bound.inFlight != leastOfNamespace {
			t.Errorf("got %d counts in flight, want %d", n.bound.inFlight, leastOfNamespace)
		}
		stop()
	})
}

func testPushbackHalvesBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound(2, 64)
		limits := []int{}
		for range 7 {
			for range 3 { // They end together, and halve it once.
				b.inFlight++
				b.end(true, time.Now())
			}
			limits = append(limits, b.limit)
			<-time.After(calm)
		}
		if want := []int{32, 16, 8, 4, 2, 2, 2}; !slices.Equal(limits, want) {
			t.Errorf("got the limits %v, want %v", limits, want)
		}
		for range 62 {
			b.inFlight++
			b.end(false, time.Now())
		}
		if !b.whole() || b.inFlight != 0 {
			t.Errorf("got %+v, want it whole", b)
		}
	})
}

func testNamespaceIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns()
		turns.Join("shop", 1, nil).End(nil)
		turns.Join("hangs", 1, nil).End(context.DeadlineExceeded)
		if len(turns.namespaces) != 1 || turns.namespaces["hangs"].bound.limit != mostOfNamespace/2 {
			t.Errorf("got %v, want only the one whose write was not answered", turns.namespaces)
		}
		<-time.After(forgetAfter + time.Second)
		if turns.Join("shop", 1, nil); len(turns.namespaces) != 1 || turns.namespaces["shop"] == nil {
			t.Errorf("after a long time got %v, want only the one with a turn", turns.namespaces)
		}
	})
}

func testCallerThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{turns: NewTurns()}
		all := q.fill()
		ctx, cancel := context.WithCancel(t.Context())
		ends := make(chan error, 2)
		for _, ctx := range []context.Context{ctx, t.Context()} {
			go func() {
				turn, err := q.turns.Wait(ctx, "shop", 1)
				if err == nil {
					turn.End(nil)
				}
				ends <- err
			}()
			synctest.Wait()
		}
		cancel()
		if err := <-ends; err == nil {
			t.Error("a turn was granted, want the end of the context")
		}
		all[0].End(nil)
		if err := <-ends; err != nil {
			t.Errorf("got %v, want the turn", err)
		}
		if waiting, _ := q.turns.state(); waiting != 0 || q.turns.bound.inFlight != mostCounts-1 {
			t.Errorf("%d turns wait, and %d are granted, want 0 and %d", waiting, q.turns.bound.inFlight, mostCounts-1)
		}
	})
}
