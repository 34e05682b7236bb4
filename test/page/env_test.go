package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/impulse-sh/impulse/internal/testkit/debian"
	"github.com/impulse-sh/impulse/test/page/chromium"
	"github.com/impulse-sh/impulse/test/page/stage"
)

// timeout limits each wait. It is generous, as the machine may be busy.
const timeout = time.Minute

// shared is the browser that all tests share.
var shared = sync.OnceValues(func() (*running, error) {
	ctx, end, err := chromium.Start(context.Background(), chromium.Path)
	if err != nil {
		return nil, err
	}
	started = &running{ctx, end}
	return started, nil
})

// started is the shared browser once it has been started.
var started *running

// running is a browser that runs.
type running struct {
	ctx context.Context //nolint:containedctx // It lasts as long as the browser.
	end func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if started != nil {
		started.end()
	}
	os.Exit(code)
}

// browser returns the context of a Chromium that all tests share. It skips the test, and names the package, if there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	debian.Program(t, "chromium", chromium.Path)
	one, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return one.ctx
}

// tab is a page in the browser.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // It lasts as long as the test.

	mu      sync.Mutex
	console []string
}

// view is how a tab shows the page.
type view struct {
	width, height int64
	dark          bool
}

var desk, phone = view{width: 1280, height: 800}, view{width: 390, height: 844}

// open opens a URL in a new tab without cookies. At the end of the test, nothing may have violated the policy of the page, gone to another
// server or thrown an error.
func open(t *testing.T, url string, v view) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // The tab lasts as long as the context of the first action.
		t.Fatal(err)
	}
	b := &tab{t: t, ctx: ctx}
	b.do(chromedp.EmulateViewport(v.width, v.height))
	b.setTheme(v.dark)
	go b.listen()
	b.do(chromedp.Navigate(url))
	t.Cleanup(func() { b.expectNoProblems(url) })
	return b
}

// listen collects what the console shows.
func (b *tab) listen() {
	for m, err := range chromedp.Console(b.ctx) {
		if err != nil {
			return
		}
		b.mu.Lock()
		b.console = append(b.console, m.String())
		b.mu.Unlock()
	}
}

// setTheme sets the theme of the system.
func (b *tab) setTheme(dark bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	if err := chromium.SetTheme(ctx, dark); err != nil {
		b.t.Fatal(err)
	}
}

// do runs actions.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// evaluate returns the value of an expression of JavaScript.
func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits until an expression of JavaScript is true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(timeout); ; {
		if evaluate[bool](b, "Boolean("+expression+")") {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("waited for %s; the page shows:\n%s", what, b.text("body"))
		}
		<-time.After(50 * time.Millisecond)
	}
}

// untilText waits until the text of an element contains another one.
func (b *tab) untilText(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s with %q", selector, text), fmt.Sprintf("document.querySelector(%s)?.innerText.includes(%s)", quote(selector), quote(text)))
}

// text returns the text of an element; "" if there is none.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, fmt.Sprintf("document.querySelector(%s)?.innerText ?? ''", quote(selector)))
}

// press presses a key.
func (b *tab) press(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

// strike presses a key that types a character, so that the page can prevent that.
func (b *tab) strike(character, code string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		p := input.DispatchKeyEventParams{Type: kind, Key: character, Code: code}
		if kind == input.DispatchKeyEventTypeKeyDown {
			p.Text = character
		}
		if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, p); err != nil {
			b.t.Fatal(err)
		}
	}
}

func quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

// expectNoProblems fails the test if the page has violated its policy, asked another server or thrown an error.
func (b *tab) expectNoProblems(url string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		// A refused request and a lost connection are what some tests are about; the browser logs them.
		if !strings.Contains(line, "Failed to load resource") && !strings.Contains(line, "[DOM] Password forms") {
			b.t.Errorf("the console has %q", line)
		}
	}
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	requested, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`performance.getEntriesByType('resource').map((entry) => entry.name)`))
	origin := strings.Join(strings.SplitN(url, "/", 4)[:3], "/") + "/"
	if err != nil || slices.ContainsFunc(requested, func(name string) bool { return !strings.HasPrefix(name, origin) }) {
		b.t.Errorf("requested were %v, %v, want only files of %s", requested, err, origin)
	}
}

// start starts a stage, which stops when the test ends.
func start(t *testing.T, o stage.Options) *stage.Stage {
	t.Helper()
	o.Dir, o.Log = t.TempDir(), slog.New(slog.DiscardHandler)
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	s, err := stage.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// tokens writes a file of tokens.
func tokens(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
