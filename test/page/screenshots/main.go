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
	"net/http"
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
	maxPicture = 250 << 10
	// timeout limits everything: the demo builds its sources at its first start.
	timeout = 30 * time.Minute
)

// step changes the load of the demo, waits for what the page shows then, and makes a picture of it.
type step struct {
	// load is the path of the request that changes the load: /scale/up or /scale/down; "" changes nothing.
	load string
	// path is the part of the page, and ready an expression of JavaScript that is true once it shows what is wanted.
	path, ready string
	// file is the name of the picture; "" makes none.
	file   string
	height int64
	dark   bool
}

const (
	width  = 1120
	object = "#/impulse-demo/web"
	// same stays on the page of the step before.
	same = "same"
	// replicas is an expression for the number of replicas of the object.
	replicas = `Number(document.querySelector('.figure dd')?.innerText)`
	// busy is true once the schedule is in its hours, and no trigger fails.
	busy = `document.querySelectorAll('.row:not([hidden])').length === 5 && !document.querySelector('.row .failing') && document.querySelector('.rows').innerText.includes('follows cron')`
)

// steps show how the counts of web follow its load up, and then step by step down, twice.
var steps = []step{
	{load: "/scale/up", path: object, ready: replicas + ` === 10`, height: 860},
	{load: "/scale/down", path: object, ready: replicas + ` === 1`, height: 860},
	{load: "/scale/up", ready: busy, file: "page-list-light.png", height: 366},
	{path: same, ready: busy, file: "page-list-dark.png", height: 366, dark: true},
	{path: object, ready: replicas + ` === 10`, height: 860},
	{load: "/scale/down", path: object, ready: replicas + ` <= 6`, file: "page-object-light.png", height: 860},
	{path: same, ready: replicas + ` >= 1`, file: "page-object-dark.png", height: 860, dark: true},
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
	at, end, err := startDemo(ctx, demo, root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	tab, endBrowser, err := chromium.Start(ctx, chromium.Path)
	if err != nil {
		return err
	}
	defer endBrowser()
	shots := map[string][]byte{}
	for i, s := range steps {
		shot, err := s.do(tab, at)
		if err != nil {
			return fmt.Errorf("step %d %s: %w", i+1, s.file, err)
		}
		if s.file != "" {
			shots[s.file] = shot
		}
	}
	return write(shots, filepath.Join(root, "docs", "images"))
}

// write writes the pictures, as small as it can. The demo goes on while they are compressed, so all are made before.
func write(shots map[string][]byte, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for file, shot := range shots {
		small, err := compress(shot)
		if err != nil {
			return err
		}
		if len(small) > maxPicture {
			return fmt.Errorf("%s has %d bytes, more than %d", file, len(small), maxPicture)
		}
		fmt.Printf("%s: %d KiB\n", file, len(small)>>10)
		if err := os.WriteFile(filepath.Join(folder, file), small, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// demoURLs are the URLs of a running demo.
type demoURLs struct{ page, load string }

// Lines that the demo prints: where the page and the load are, and that every Deployment follows its source.
var (
	pageURL  = regexp.MustCompile(`The page shows them live: (http://\S+)`)
	loadURL  = regexp.MustCompile(`curl -X POST (http://\S+)/scale/up`)
	followed = regexp.MustCompile(`web, checkout follows Prometheus and Alertmanager`)
)

// startDemo starts the demo, and returns its URLs once every Deployment follows its source.
func startDemo(ctx context.Context, demo, root string) (at demoURLs, end func() error, err error) {
	cmd := exec.CommandContext(ctx, demo)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return at, nil, err
	}
	if err := cmd.Start(); err != nil {
		return at, nil, fmt.Errorf("start the demo: %w", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Println(lines.Text())
		if found := pageURL.FindStringSubmatch(lines.Text()); found != nil {
			at.page = found[1]
		}
		if found := loadURL.FindStringSubmatch(lines.Text()); found != nil {
			at.load = found[1]
		}
		if at.page != "" && at.load != "" && followed.MatchString(lines.Text()) {
			go func() {
				for lines.Scan() { // The demo does not wait for a reader.
				}
			}()
			return at, func() error {
				err := cmd.Process.Signal(os.Interrupt)
				_ = cmd.Wait() // It was interrupted.
				return err
			}, nil
		}
	}
	return at, nil, errors.Join(errors.New("the demo has ended"), cmd.Wait())
}

// do opens the page, waits until it shows what is wanted, and returns a picture of it.
func (s step) do(tab context.Context, at demoURLs) ([]byte, error) {
	if s.load != "" {
		if err := post(tab, at.load+s.load); err != nil {
			return nil, err
		}
	}
	if err := chromium.SetTheme(tab, s.dark); err != nil {
		return nil, err
	}
	if s.path != same {
		if err := chromedp.Do(tab, chromedp.EmulateViewport(width, s.height), chromedp.Navigate("about:blank"), chromedp.Navigate(at.page+s.path)); err != nil {
			return nil, err
		}
	}
	if err := chromium.Until(tab, s.ready); err != nil {
		return nil, err
	}
	return chromedp.Run(tab, chromedp.CaptureScreenshot())
}

// post sends a request without a body.
func post(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", url, answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
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
