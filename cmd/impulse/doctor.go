package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/inspect"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/internal/regularfile"
)

// examination holds the flags of impulse doctor.
type examination struct {
	cluster config.Cluster
	output  output

	namespace, lease, leaseName, alertmanager string
}

func doctorCommand() *cobra.Command {
	e := examination{leaseName: app.Defaults().LeaseName}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check an installation, and print what to do about each problem",
		Long: "Doctor checks an installation from outside, with your permissions, and changes nothing: the cluster, the CustomResourceDefinitions,\n" +
			"the release, the leader, permissions, ScaledObjects, other autoscalers of the same targets, the admission webhook, the receiver of\n" +
			"alerts, and the route from Alertmanager to it. The last is read from the AlertmanagerConfigs in the cluster, or from a file.\n" +
			"docs/doctor.md describes each check.\n\n" +
			"A result is ok, warning (it works, and may surprise), problem, or unknown, if you may not read what the check needs.\n" +
			"Exit code: 0 no problem was found, 1 there are problems, 2 no check could be made.",
		Example: `  impulse doctor
  impulse doctor -n shop --lease-namespace autoscaling
  impulse doctor -o json | jq '.findings[] | select(.result == "problem")'

  # The route from an Alertmanager of the Prometheus Operator
  kubectl -n monitoring get secret alertmanager-main-generated -o jsonpath='{.data.alertmanager\.yaml\.gz}' |
    base64 --decode | gunzip | impulse doctor --alertmanager-config -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd) },
	}
	bindConnection(cmd, &e.cluster)
	leaseFlag(cmd, &e.lease)
	f := cmd.Flags()
	f.Lookup("lease-namespace").Usage = "namespace of the Lease, which is that of the release"
	f.StringVar(&e.leaseName, "lease-name", e.leaseName, "name of the Lease; use the same value as for impulse run")
	f.StringVarP(&e.namespace, "namespace", "n", "", "check only the objects of this namespace (default: all namespaces)")
	f.StringVar(&e.alertmanager, "alertmanager-config", "", "configuration file of an Alertmanager, - is standard input (default: the AlertmanagerConfigs in the cluster)")
	completeNamespace(cmd, &e.cluster)
	_ = cmd.MarkFlagFilename("alertmanager-config")
	e.output.flag(cmd)
	return cmd
}

// diagnosis is the output of impulse doctor as JSON and YAML.
type diagnosis struct {
	Version  string           `json:"version"`
	Findings []doctor.Finding `json:"findings"`
	Problems int              `json:"problems"`
	Warnings int              `json:"warnings"`
	Unknown  int              `json:"unknown"`
}

func (e *examination) run(cmd *cobra.Command) error {
	if err := e.output.check(); err != nil {
		return err
	}
	routing, err := e.routing(cmd.InOrStdin())
	if err != nil {
		return err
	}
	config, err := e.cluster.Config()
	if err != nil {
		return err
	}
	bar := progressOn(cmd.ErrOrStderr())
	in, err := inspect.Inspect(cmd.Context(), inspect.Options{
		Config: config, Version: version, Namespace: e.namespace, LeaseNamespace: e.lease, LeaseName: e.leaseName, Routing: routing, Progress: bar.show,
	})
	bar.clear()
	if err != nil {
		return err
	}
	all := doctor.Diagnose(in)
	d := diagnosis{Version: version, Findings: all, Problems: doctor.Count(all, doctor.Problem), Warnings: doctor.Count(all, doctor.Warning), Unknown: doctor.Count(all, doctor.Unknown)}
	err = e.output.write(cmd.OutOrStdout(), d, func(w io.Writer) error {
		to, color := terminalOf(w)
		return doctor.Write(to, all, color)
	})
	if err == nil && d.Problems > 0 {
		return errFindings
	}
	return err
}

// maxAlertmanagerConfig bounds a configuration of Alertmanager, in bytes.
const maxAlertmanagerConfig = 8 << 20

// routing reads --alertmanager-config; nil without it.
func (e *examination) routing(in io.Reader) (*doctor.Routing, error) {
	if e.alertmanager == "" {
		return nil, nil
	}
	var content []byte
	var err error
	if e.alertmanager == "-" {
		content, err = regularfile.ReadAll(in, maxAlertmanagerConfig)
	} else {
		content, err = regularfile.ReadFile(e.alertmanager, maxAlertmanagerConfig)
	}
	if err != nil {
		return nil, fmt.Errorf("--alertmanager-config: %w", err)
	}
	routing, err := doctor.ReadAlertmanagerFile(e.alertmanager, content)
	if err != nil {
		return nil, fmt.Errorf("--alertmanager-config: %w", err)
	}
	return &routing, nil
}

// terminalOf returns the terminal behind a writer, which then gets colors, or the writer itself. NO_COLOR means none.
func terminalOf(w io.Writer) (to io.Writer, color bool) {
	p, ok := w.(*printable.Writer)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return w, false
	}
	if file, ok := p.To.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file, true
	}
	return w, false
}
