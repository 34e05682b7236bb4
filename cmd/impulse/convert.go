package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// errNothingForeign is returned if there is nothing to convert.
var errNothingForeign = errors.New("these files hold no HorizontalPodAutoscaler and no object of KEDA")

func convertCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "convert FILE...",
		Short: "Convert HPAs and KEDA's objects to ScaledObjects",
		Long: "Convert reads HorizontalPodAutoscalers (autoscaling/v1, v2beta1, v2beta2 and v2) and KEDA's objects (keda.sh/v1alpha1 and\n" +
			"keda.k8s.io/v1alpha1) from files and folders (- is standard input), and writes ScaledObjects as YAML that set the old behaviour\n" +
			"explicitly. A comment above each object lists what had no effect and was removed, and the differences that remain. Objects of\n" +
			"other kinds are skipped. An object that cannot be converted does not stop the others; the last line on standard error counts\n" +
			"both. It connects to no server. Exit code: 0 all converted, 1 an object has a mistake, 2 a file cannot be read.",
		Example: `  impulse convert hpa.yaml > scaledobject.yaml
  kubectl get hpa -A -o yaml | impulse convert -`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return convert(cmd, args) },
	}
}

// convert converts every object of the files by itself.
func convert(cmd *cobra.Command, args []string) error {
	files, err := manifest.LoadFiles(args, cmd.InOrStdin())
	var objects []*manifest.Object
	var problems []diag.Error
	unread := 0
	for i := range files {
		f := &files[i]
		if others := f.Others(); others != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: skipped objects of other kinds: %s\n", printable.Line(f.Name, printable.Longest), printable.Line(others, printable.Longest))
		}
		objects, problems, unread = append(objects, f.Objects...), append(problems, f.Problems...), unread+f.Unread
	}
	compiled, more := manifest.Compile(objects, builtin.Kinds())
	problems = append(problems, more...)
	for _, p := range inOrder(problems) {
		if !p.Warning {
			fmt.Fprintln(cmd.ErrOrStderr(), p)
		}
	}
	converted, failed, writeErr := writeConverted(cmd.OutOrStdout(), objects, compiled)
	switch failed += unread; {
	case writeErr != nil || err != nil:
		return errors.Join(err, writeErr)
	case converted+failed == 0 && !manifest.Failed(problems):
		return errNothingForeign
	}
	summary := plural(converted, "object converted", "objects converted")
	if failed > 0 {
		summary += fmt.Sprintf(", %d not", failed)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), summary)
	if manifest.Failed(problems) {
		return errFindings
	}
	return nil
}

// writeConverted writes every foreign object that has no mistake, and returns the number of those and of all other foreign objects.
func writeConverted(w io.Writer, objects []*manifest.Object, compiled []manifest.Compiled) (converted, failed int, err error) {
	valid := map[*manifest.Object]bool{}
	for i := range compiled {
		valid[compiled[i].Object] = true
	}
	for _, o := range objects {
		switch {
		case !o.Foreign():
			continue
		case o.Broken(), o.ScaledObject != nil && !valid[o]:
			failed++
			continue
		}
		content, err := o.Rewrite()
		if err != nil {
			return converted, failed, err
		}
		if converted++; converted > 1 {
			content = append([]byte("---\n"), content...)
		}
		if _, err := w.Write(content); err != nil {
			return converted, failed, err
		}
	}
	return converted, failed, nil
}
