package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/top"
	"github.com/impulse-sh/impulse/internal/kube/objects"
	"github.com/impulse-sh/impulse/internal/printable"
)

// errNoTerminal is returned if there is no terminal to draw on.
var errNoTerminal = errors.New("top needs a terminal: use impulse get, or impulse get --watch")

const (
	// redrawInterval is the time between two frames while nothing happens: ages and a new size of the terminal are shown then.
	redrawInterval = 500 * time.Millisecond

	enterScreen = "\x1b[?1049h\x1b[?25l" // The alternate screen, without a cursor.
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

func topCommand() *cobra.Command {
	var c cluster
	var s selection
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show workloads live in the terminal, the most urgent first",
		Long: "Top shows the rows of `impulse get` live, ordered by what happens: first objects that cannot be scaled or have triggers that cannot be\n" +
			"read, then those at their maximum, those that something else limits or holds, those whose count changes, and the others. Enter\n" +
			"explains the selected object; arrows, page up and page down move; q quits. NO_COLOR switches inverse video off.",
		Example: "  impulse top -A\n  impulse top -n shop -l team=checkout",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(cmd, nil); err != nil {
				return err
			}
			in, out, err := terminal(cmd)
			if err != nil {
				return err
			}
			return runTop(cmd.Context(), &screen{cluster: &c, selection: &s, in: in, out: out})
		},
	}
	bindConnection(cmd, &c.Cluster)
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "namespace (default: that of the context)")
	completeNamespace(cmd, &c.Cluster)
	s.flags(cmd)
	return cmd
}

// terminal returns the terminal of a command, for keys and for frames.
func terminal(cmd *cobra.Command) (in, out *os.File, err error) {
	w := cmd.OutOrStdout()
	if safe, ok := w.(*printable.Writer); ok {
		w = safe.To // Frames have control characters; the texts in them have none.
	}
	out, isFile := w.(*os.File)
	in, isInput := cmd.InOrStdin().(*os.File)
	if !isFile || !isInput || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, nil, errNoTerminal
	}
	return in, out, nil
}

// screen is the terminal of impulse top, with the flags of the command.
type screen struct {
	cluster   *cluster
	selection *selection
	in, out   *os.File
}

// runTop shows objects until the user quits or ctx is done. The terminal is as before when it returns.
func runTop(ctx context.Context, s *screen) error {
	client, err := s.cluster.client()
	if err != nil {
		return err
	}
	q, err := s.selection.query(s.cluster)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	changes, followed := make(chan objects.Change), make(chan error, 1)
	go func() {
		followed <- client.Follow(ctx, q, func(c objects.Change) {
			select {
			case changes <- c:
			case <-ctx.Done():
			}
		})
	}()
	defer func() {
		cancel()
		<-followed //nolint:errcheck // It ends because the screen has.
	}()
	select { // Without the first list there is nothing to show, and the error belongs on the ordinary screen.
	case first := <-changes:
		return s.show(ctx, first, changes)
	case err := <-followed:
		followed <- err
		return err
	}
}

// show draws frames until the user quits.
func (s *screen) show(ctx context.Context, first objects.Change, changes <-chan objects.Change) error {
	before, err := term.MakeRaw(int(s.in.Fd()))
	if err != nil {
		return fmt.Errorf("set up the terminal: %w", err)
	}
	defer func() {
		fmt.Fprint(s.out, leaveScreen)
		_ = term.Restore(int(s.in.Fd()), before) // There is nobody to tell.
	}()
	fmt.Fprint(s.out, enterScreen)
	v := top.New(top.Options{Namespaces: s.selection.every, Explain: s.explain(ctx), Color: os.Getenv("NO_COLOR") == ""})
	observe(v, first)
	keys := make(chan []top.Key)
	go readKeys(ctx, s.in, keys) // A read of a terminal cannot be interrupted: it ends with the process.
	tick := time.NewTicker(redrawInterval)
	defer tick.Stop()
	for {
		if width, height, err := term.GetSize(int(s.out.Fd())); err == nil {
			v.Resize(width, height)
		}
		if _, err := io.WriteString(s.out, "\x1b[H"+strings.Join(v.Frame(time.Now()), "\x1b[K\r\n")+"\x1b[K"); err != nil {
			return fmt.Errorf("draw the screen: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case c := <-changes:
			observe(v, c)
		case pressed, open := <-keys:
			if !open {
				return nil
			}
			for _, k := range pressed {
				if v.Press(k, time.Now()) {
					return nil
				}
			}
		case <-tick.C:
		}
	}
}

// observe passes a change to a View.
func observe(v *top.View, c objects.Change) {
	v.Fail("")
	switch {
	case c.Err != nil:
		v.Fail(c.Err.Error())
	case c.List != nil:
		v.Replace(c.List.Items)
	case c.Object != nil && c.Deleted:
		v.Remove(c.Object)
	case c.Object != nil:
		v.Put(c.Object)
	}
}

// readKeys passes keys on until the input ends or ctx is done.
func readKeys(ctx context.Context, in io.Reader, keys chan<- []top.Key) {
	defer close(keys)
	sent := make([]byte, 64)
	for {
		n, err := in.Read(sent)
		if err != nil {
			return
		}
		select {
		case keys <- top.Keys(sent[:n]):
		case <-ctx.Done():
			return
		}
	}
}

// explain returns the function that explains an object as text.
func (s *screen) explain(ctx context.Context) func(*v1alpha1.ScaledObject) string {
	l := &liveExplainer{cluster: s.cluster, selection: s.selection}
	return func(so *v1alpha1.ScaledObject) string {
		e, about, err := l.explain(ctx, so.DeepCopy(), false)
		var text strings.Builder
		if err == nil {
			err = e.Text(&text, about)
		}
		if err != nil {
			return printable.Line(err.Error(), printable.Longest)
		}
		return text.String()
	}
}
