// Command frames measures how smoothly the page shows 2000 objects, of which 400 change each second: it prints the times between two frames of
// the browser while the list is scrolled, while text is typed into the search, and at rest. A frame of a display with 60 Hz takes 16.7 ms.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/test/page/chromium"
	"github.com/impulse-sh/impulse/test/page/stage"
)

const objects = 2000

// record is JavaScript that records the times between frames while do(n) is called in each of them.
const record = `(async (frames, act) => {
	const times = [];
	let last = await new Promise(requestAnimationFrame);
	for (let n = 0; n < frames; n++) {
		act(n);
		const now = await new Promise(requestAnimationFrame);
		times.push(now - last);
		last = now;
	}
	return times;
})(%d, %s)`

// actions are what the viewer does in each frame.
var actions = []struct{ what, act string }{
	{"at rest", `() => {}`},
	{"scrolling through all", `(n) => scrollTo(0, (n % 300) / 300 * (document.documentElement.scrollHeight - innerHeight))`},
	{"typing, a key every tenth of a second", `(n) => {
		if (n % 6) return;
		const search = document.querySelector('input[type=search]');
		search.value = 'service-1234'.slice(0, n / 6 % 13);
		search.dispatchEvent(new Event('input'));
	}`},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "frames:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "impulse-frames-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := stage.Start(ctx, stage.Options{Dir: dir, Address: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer s.Close()
	many := stage.Many(objects)
	s.Apply(many...)
	wobbling, endWobble := context.WithCancel(ctx)
	defer endWobble()
	go wobble(wobbling, s, many)
	tab, end, err := chromium.Start(ctx, chromium.Path)
	if err != nil {
		return err
	}
	defer end()
	if err := chromedp.Do(tab, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(s.URL())); err != nil {
		return err
	}
	if err := chromium.Until(tab, fmt.Sprintf(`document.querySelector('.count')?.innerText === '%d objects'`, objects)); err != nil {
		return err
	}
	for _, a := range actions {
		times, err := chromedp.Run(tab, chromedp.Evaluate[[]float64](fmt.Sprintf(record, 600, a.act), chromedp.EvalAwaitPromise))
		if err != nil {
			return fmt.Errorf("%s: %w", a.what, err)
		}
		slices.Sort(times)
		at := func(part float64) float64 { return times[int(part*float64(len(times)-1))] }
		fmt.Printf("%-40s p50 %5.1f ms   p95 %5.1f ms   p99 %5.1f ms   longest %5.1f ms\n", a.what, at(0.5), at(0.95), at(0.99), at(1))
	}
	return nil
}

// wobble changes the level of a fifth of the objects each second.
func wobble(ctx context.Context, s *stage.Stage, many []*v1alpha1.ScaledObject) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		for i, so := range many {
			if n == 0 || i%5 == n%5 {
				s.Levels.Set(so.Namespace+"/"+so.Name, 500+300*math.Sin(float64(n)/20+float64(i))+rand.Float64()*20)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
