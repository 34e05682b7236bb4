// Command screenshots makes the pictures in docs/images from the running demo: make screenshots.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/impulse-sh/impulse/test/page/chromium"
)

const (
	// maxPicture is the maximum size of a picture, in bytes.
	maxPicture = 150 << 10
	// timeout limits everything: the demo builds its sources at its first start.
	timeout = 30 * time.Minute
)

// picture is one picture, and the expression of JavaScript that is true once the page shows what is wanted.
type picture struct {
	file, path    string
	width, height int64
	dark          bool
	ready         string
}

// replicas is an expression for the number of replicas in the list or of the object.
const replicas = `Number(document.querySelector('.figure dd')?.innerText)`

var pictures = []picture{
	{"page-object-light.png", "#/impulse-demo/web", 1120, 860, false, replicas + ` >= 6 && ` + replicas + ` < 10 && document.querySelectorAll('.past li').length >= 5`},
	{"page-object-dark.png", "#/impulse-demo/web", 1120, 860, true, replicas + ` >= 1 && document.querySelector('.chart canvas')`},
	{"page-list-light.png", "", 1120, 420, false, `document.querySelectorAll('.row:not([hidden])').length === 5`},
	{"page-list-dark.png", "", 1120, 420, true, `document.querySelectorAll('.row:not([hidden])').length === 5`},
}

func main() {
	demo := flag.String("demo", "", "the program of the demo")
	root := flag.String("root", "", "folder of the repository")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := run(ctx, *demo, *root); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, demo, root string) (err error) {
	url, end, err := startDemo(ctx, demo, root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	tab, endBrowser, err := chromium.Start(ctx, chromium.Path)
	if err != nil {
		return err
	}
	defer endBrowser()
	folder := filepath.Join(root, "docs", "images")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range pictures {
		if err := p.capture(tab, url, folder); err != nil {
			return fmt.Errorf("%s: %w", p.file, err)
		}
	}
	return nil
}

// pageURL finds the URL of the page in what the demo prints, and followed the line that all sources are there.
var (
	pageURL  = regexp.MustCompile(`The page shows them live: (http://\S+)`)
	followed = regexp.MustCompile(`web, checkout follows Prometheus and Alertmanager`)
)

// startDemo starts the demo, and returns the URL of its page once every Deployment follows its source.
func startDemo(ctx context.Context, demo, root string) (url string, end func() error, err error) {
	cmd := exec.CommandContext(ctx, demo)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start the demo: %w", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Println(lines.Text())
		if found := pageURL.FindStringSubmatch(lines.Text()); found != nil {
			url = found[1]
		}
		if url != "" && followed.MatchString(lines.Text()) {
			go func() {
				for lines.Scan() { // The demo does not wait for a reader.
				}
			}()
			return url, func() error {
				err := cmd.Process.Signal(os.Interrupt)
				_ = cmd.Wait() // It was interrupted.
				return err
			}, nil
		}
	}
	return "", nil, errors.Join(errors.New("the demo has ended"), cmd.Wait())
}

// capture opens the page, waits until it shows what is wanted, and writes the picture.
func (p picture) capture(tab context.Context, url, folder string) error {
	if err := chromium.SetTheme(tab, p.dark); err != nil {
		return err
	}
	if err := chromedp.Do(tab, chromedp.EmulateViewport(p.width, p.height), chromedp.Navigate("about:blank"), chromedp.Navigate(url+p.path)); err != nil {
		return err
	}
	if err := chromium.Until(tab, p.ready); err != nil {
		return err
	}
	shot, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	small, err := compress(shot)
	if err != nil {
		return err
	}
	if len(small) > maxPicture {
		return fmt.Errorf("it has %d bytes, more than %d", len(small), maxPicture)
	}
	fmt.Printf("%s: %d KiB\n", p.file, len(small)>>10)
	return os.WriteFile(filepath.Join(folder, p.file), small, 0o644)
}

// compress encodes a PNG in as few bytes as possible without a loss.
func compress(shot []byte) ([]byte, error) {
	image, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&out, image)
	return out.Bytes(), err
}
