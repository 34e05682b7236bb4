package endpoints

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/webhook"
)

func TestBudget(t *testing.T) {
	t.Run("loops of one namespace do not slow down the hook of another", testLoopsOfOneNamespaceDoNotSlowDownHookOfAnother)
	t.Run("a message that can never be evaluated is refused as a whole", testMessageThatCanNeverBeEvaluatedIsRefusedAsWhole)
	t.Run("the evaluation time of a namespace per minute is bounded", testEvaluationTimeOfNamespacePerMinuteIsBounded)
	t.Run("time counts where it exceeds the cost", testTimeCountsWhereItExceedsCost)
	t.Run("between two evaluations of a namespace every other namespace gets one", testBetweenTwoEvaluationsOfNamespaceEveryOtherNamespaceGetsOne)
	t.Run("a message waits no longer than its request", testMessageWaitsNoLongerThanItsRequest)
	t.Run("a namespace without a debt is forgotten", testNamespaceWithoutDebtIsForgotten)
}

const (
	// pairs compares every job with every other. To 30 such triggers, a message with 15 jobs costs a little less than costPerMessage, and
	// one with 40 jobs more.
	pairs = "size(body.jobs.map(a, body.jobs.filter(b, a == b)))"
	// overBudget is the reason in the answer then.
	overBudget = "over budget: the expressions of namespace shop may cost 500000 in a second: try again in "
	// senders is the number of senders at the same time.
	senders = 200
)

// jobs returns a body with n jobs, which are long texts: comparing them costs much and takes little time.
func jobs(n int) string {
	one := `"` + strings.Repeat("job", 333) + `"`
	return `{"jobs": [` + strings.Repeat(one+",", n-1) + one + `]}`
}

// sendAll sends one message from each sender at once, and calls meanwhile. It returns the number of messages that were evaluated,
// and the errors of the others.
func sendAll(send func() error, meanwhile func()) (int, []error) {
	var (
		all     sync.WaitGroup
		answers [senders]error
	)
	for i := range answers {
		all.Go(func() { answers[i] = send() })
	}
	meanwhile()
	all.Wait()
	refused := slices.DeleteFunc(answers[:], func(err error) bool { return err == nil })
	return senders - len(refused), refused
}

func expectOverBudget(t *testing.T, err error) {
	t.Helper()
	if refusal, ok := errors.AsType[*RefusedError](err); !ok || !errors.Is(err, ErrUnavailable) || !strings.Contains(refusal.Reason, overBudget) {
		t.Errorf("refused with %v", err)
	}
}

func testLoopsOfOneNamespaceDoNotSlowDownHookOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // So that no evaluation takes too long.
		e := begin(t)
		for i := range 30 {
			e.webhook(fmt.Sprint("loop-", i), map[string]string{"hook": "ci", "value": pairs, "threshold": "1"})
		}
		e.open(webhook.Kind(), "calm", map[string]string{"hook": "ci", "value": "size(body.jobs)", "threshold": "1"}, triggers.Env{Namespace: "bank"})
		send := func(namespace string) error {
			_, err := e.receiver.ReceiveWebhook(t.Context(), e.hookRequest(namespace, "ci", jobs(15)))
			return err
		}
		evaluated, refused := sendAll(func() error { return send("shop") }, func() {
			for range 10 {
				if err := send("bank"); err != nil {
					t.Errorf("the other namespace gets: %v; want no error", err)
				}
			}
		})
		// Each costs more than half of what is saved up, and the clock stands still.
		if limited := e.counted("webhook", "limited"); evaluated != 2 || limited != senders-2 {
			t.Errorf("%d messages were evaluated, and %v counted as limited; expected 2 and %d", evaluated, limited, senders-2)
		}
		for _, err := range refused {
			expectOverBudget(t, err)
		}
		expectOverBudget(t, send("shop"))
		e.pass(2 * time.Second)
		if err := send("shop"); err != nil {
			t.Errorf("two seconds later: %v; want no error", err)
		}
	})
}

func testMessageThatCanNeverBeEvaluatedIsRefusedAsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // So that no evaluation takes too long.
		e := begin(t)
		e.webhook("a-cheap", map[string]string{"hook": "ci", "threshold": "1"})
		for i := range 30 {
			e.webhook(fmt.Sprint("loop-", i), map[string]string{"hook": "ci", "value": pairs, "threshold": "1"})
		}
		code, text := e.postHook("ci", jobs(40))
		if code != 400 || !strings.Contains(text, "cost more than 1000000 for this message") || e.level("a-cheap") != "unknown" {
			t.Errorf("got %d %s; the cheap one is at %s; want 400, text with cost more than 1000000 for this message, \"unknown\"", code, text, e.level("a-cheap"))
		}
		if code, text := e.postHook("ci", jobs(1)); code != 503 || !strings.Contains(text, "over budget") {
			t.Errorf("what was evaluated is not owed: %d %s; want 503, text with over budget", code, text)
		}
	})
}

// spend opens a charge and evaluates a message with a number of evaluations. Each evaluation calls the function each and returns cost.
func spend(ctx context.Context, b *budget, namespace string, evaluations int, cost uint64, each func()) error {
	charge := b.open(namespace)
	defer charge.close()
	for range evaluations {
		if err := charge.evaluate(ctx, func() uint64 { each(); return cost }); err != nil {
			return err
		}
	}
	return nil
}

func testEvaluationTimeOfNamespacePerMinuteIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(time.Now)
		var (
			mu    sync.Mutex
			spent uint64
			all   sync.WaitGroup
		)
		const cost = 20_000
		for range senders {
			all.Go(func() {
				for range 60 {
					_ = spend(t.Context(), b, "shop", 30, cost, func() {
						mu.Lock()
						defer mu.Unlock()
						spent += cost
					})
					<-time.After(time.Second)
				}
			})
		}
		all.Wait()
		if least, most := uint64(55*costPerSecond), uint64(60*costPerSecond+costBurst+costPerMessage); spent < least || spent > most {
			t.Errorf("a cost of %d was evaluated, expected %d to %d", spent, least, most)
		}
	})
}

func testTimeCountsWhereItExceedsCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(time.Now)
		evaluations := 0
		for began := time.Now(); time.Since(began) < time.Minute; {
			if spend(t.Context(), b, "shop", 1, 1, func() { <-time.After(100 * time.Millisecond); evaluations++ }) != nil {
				<-time.After(10 * time.Millisecond)
			}
		}
		const each = 100_000 * costPerMicrosecond
		if most := (60*costPerSecond+costBurst)/each + 1; evaluations > most || evaluations < most*9/10 {
			t.Errorf("%d evaluations of 100 ms in a minute, expected %d", evaluations, most)
		}
	})
}

func testBetweenTwoEvaluationsOfNamespaceEveryOtherNamespaceGetsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(time.Now)
		b.slots = make(chan struct{}, 2)
		var (
			mu               sync.Mutex
			begun, now, most int
			all              sync.WaitGroup
		)
		evaluation := func() {
			mu.Lock()
			begun++
			now++
			most = max(most, now)
			mu.Unlock()
			<-time.After(30 * time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
		}
		const noisy = 5
		for i := range senders {
			all.Go(func() { _ = spend(t.Context(), b, fmt.Sprint("noisy ", i%noisy), 30, 1000, evaluation) })
		}
		<-time.After(time.Second)
		for range 20 {
			mu.Lock()
			before := begun
			mu.Unlock()
			err := spend(t.Context(), b, "calm", 1, 1000, func() {
				mu.Lock()
				defer mu.Unlock()
				if others := begun - before; others > noisy {
					t.Errorf("%d evaluations of others came first, of %d namespaces", others, noisy)
				}
			})
			if err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		if most != 2 {
			t.Errorf("%d evaluations ran at once, expected 2", most)
		}
	})
}

func testMessageWaitsNoLongerThanItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(time.Now)
		b.slots = make(chan struct{}, 1)
		var all sync.WaitGroup
		all.Go(func() { _ = spend(t.Context(), b, "shop", 1, 1, func() { <-time.After(time.Minute) }) })
		synctest.Wait()
		for namespace, want := range map[string]error{"shop": triggers.ErrOverBudget, "bank": triggers.ErrUnavailable} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := spend(ctx, b, namespace, 1, 1, func() { t.Error("the message was evaluated") }); !errors.Is(err, want) {
				t.Errorf("%s gets %v", namespace, err)
			}
			cancel()
		}
		all.Wait()
	})
}

func testNamespaceWithoutDebtIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(time.Now)
		for i := range 1000 {
			if err := spend(t.Context(), b, fmt.Sprint("team ", i), 1, 1000, func() {}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
		}
		if n := len(b.accounts); n > 2 {
			t.Errorf("%d namespaces are stored", n)
		}
	})
}
