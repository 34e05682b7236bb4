// Package chromium starts a Chromium for the commands and tests of this module.
package chromium

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Path is the program of Debian's package chromium.
const Path = "/usr/bin/chromium"

// Start starts a Chromium without a window. The context that it returns has a tab, and lasts until end is called.
func Start(ctx context.Context, path string) (browser context.Context, end func(), err error) {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true), chromedp.Flag("disable-dev-shm-usage", true),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocated, endAllocator := chromedp.NewExecAllocator(ctx, options...)
	browser, cancel := chromedp.NewContext(allocated)
	end = func() {
		cancel()
		endAllocator()
	}
	if err := chromedp.Do(browser); err != nil {
		end()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return browser, end, nil
}

// SetTheme sets the theme of the system for a tab.
func SetTheme(ctx context.Context, dark bool) error {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	return err
}

// timeout is how long Until waits.
const timeout = 2 * time.Minute

// Until evaluates an expression of JavaScript until it is true, for two minutes at most.
func Until(ctx context.Context, expression string) error {
	_, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingTimeout(timeout)))
	if err != nil {
		return fmt.Errorf("wait for %s: %w", expression, err)
	}
	return nil
}
