package push

import (
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/term"
)

// show writes how much is sent, until updates is closed: one line that is updated on a terminal, a line for each tenth elsewhere.
func show(out io.Writer, host string, updates <-chan v1.Update) {
	file, ok := out.(*os.File)
	live := ok && term.IsTerminal(int(file.Fd()))
	step := int64(10)
	if live {
		step = 1
	}
	last := int64(-1)
	for u := range updates {
		if u.Error != nil || u.Total == 0 { // The error is the result of the push, too.
			continue
		}
		percent := 100 * u.Complete / u.Total
		if percent/step == last/step && last >= 0 {
			continue
		}
		last = percent
		line := fmt.Sprintf("%s has %3d %% of %.1f MB", host, percent, float64(u.Total)/1e6)
		if live {
			fmt.Fprint(out, "\r"+line)
		} else {
			fmt.Fprintln(out, line)
		}
	}
	if live && last >= 0 {
		fmt.Fprintln(out)
	}
}
