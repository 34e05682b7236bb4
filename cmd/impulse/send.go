package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

func sendCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Send an alert or a level to a running Impulse, for a test",
		Long: "Send posts the same message as an Alertmanager, or as a program that pushes levels, and prints the answer. Exit code: 0 recorded,\n" +
			"1 refused by Impulse (4xx), 2 not sent, or not accepted at present (such as 503): try again.",
	}
	cmd.AddCommand(sendAlertCommand(), sendValueCommand())
	return cmd
}

func sendAlertCommand() *cobra.Command {
	var (
		to          client
		namespace   string
		cluster     bool
		resolve     bool
		annotations []string
	)
	cmd := &cobra.Command{
		Use:   "alert LABEL=VALUE...",
		Short: "Fire or resolve an alert",
		Long: "Alert fires an alert with these labels, for the objects of one namespace or of the whole cluster. It fires until it is resolved,\n" +
			"or until twice the ttl of the triggers that select it has passed.",
		Example: `  impulse send alert --namespace shop alertname=CheckoutSlow severity=scale
  impulse send alert --namespace shop alertname=CheckoutSlow severity=scale --annotation value=12
  impulse send alert --namespace shop alertname=CheckoutSlow severity=scale --resolve

  # Through a tunnel, with a token
  kubectl -n impulse-system port-forward svc/impulse 8080:80 &
  impulse send alert --token-file token -n shop alertname=CheckoutSlow severity=scale`,
		Args:              cobra.ArbitraryArgs, // RunE checks them.
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			labels, err := pairs("label", args)
			values, valuesErr := pairs("--annotation", annotations)
			if len(args) == 0 {
				err = errNoLabel
			}
			if cluster && cmd.Flags().Changed("namespace") {
				err = errors.Join(err, errBothScopes)
			}
			if err := errors.Join(err, valuesErr, to.check()); err != nil {
				return err
			}
			path, whose := "/v1/alertmanager/"+url.PathEscape(namespace), "namespace "+namespace
			if cluster {
				path, whose = "/v1/alertmanager", "all namespaces (scope: cluster)"
			}
			next := "impulse explain NAMESPACE/NAME shows what it changed"
			if resolve {
				next += "; an alert ends only if these are all of its labels: impulse alerts -o wide lists those that fire"
			}
			return to.send(cmd, message{
				method: http.MethodPost, path: path, body: alertBody(labels, values, resolve, time.Now()),
				what: fmt.Sprintf("%s %s for the objects of %s", alertName(labels), map[bool]string{false: "fires", true: "is resolved"}[resolve], whose),
				next: next, counts: true,
				unselected: "impulse alerts lists what is recorded and which objects select it; impulse get -A lists the objects, which select alerts by matchers and scope",
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&namespace, "namespace", "n", "default", "namespace whose objects may select the alert")
	f.BoolVar(&cluster, "cluster", false, "send it to the receiver for the whole cluster instead")
	f.BoolVar(&resolve, "resolve", false, "resolve the alert instead of firing it")
	f.StringArrayVar(&annotations, "annotation", nil, "annotation of the alert, NAME=VALUE; may be repeated")
	to.flags(cmd)
	return cmd
}

func sendValueCommand() *cobra.Command {
	var (
		to      client
		trigger string
		ttl     time.Duration
	)
	cmd := &cobra.Command{
		Use:   "value NAMESPACE/NAME VALUE",
		Short: "Push a level to a trigger of type push",
		Long:  "Value pushes a level to one trigger of a ScaledObject. The level counts until it is replaced, or until its ttl has passed.",
		Example: `  impulse send value shop/worker --trigger jobs 42
  impulse send value shop/worker --trigger jobs 42 --ttl 60s
  impulse send value shop/worker --trigger jobs 42 --server https://impulse.example.com --token-file token -o json`,
		Args:              cobra.ArbitraryArgs, // RunE checks them.
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errWhichValue
			}
			namespace, name, ok := strings.Cut(args[0], "/")
			_, err := scalers.ParseMilli(args[1])
			switch {
			case !ok || namespace == "" || name == "" || strings.Contains(name, "/"):
				return errWhichValue
			case trigger == "":
				return errNoTrigger
			case err != nil:
				return fmt.Errorf("the value: %w", err)
			case ttl < 0:
				return fmt.Errorf("--ttl is %s: expected a duration above 0", ttl)
			}
			if err := to.check(); err != nil {
				return err
			}
			body := map[string]any{"value": args[1]}
			if ttl > 0 {
				body["ttl"] = ttl.String()
			}
			return to.send(cmd, message{
				method: http.MethodPut, body: body,
				path: "/v1/namespaces/" + url.PathEscape(namespace) + "/scaledobjects/" + url.PathEscape(name) + "/triggers/" + url.PathEscape(trigger),
				what: fmt.Sprintf("the level of trigger %s of %s/%s is %s", trigger, namespace, name, args[1]),
				next: "impulse explain " + namespace + "/" + name + " shows what it changed",
			})
		},
	}
	cmd.Flags().StringVar(&trigger, "trigger", "", "name of the trigger (required)")
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "time for which the level counts unless it is pushed again (default: the ttl of the trigger)")
	to.flags(cmd)
	return cmd
}

// Mistakes in a command line.
var (
	errNoLabel    = errors.New("give the labels of the alert, such as alertname=CheckoutSlow severity=scale")
	errBothScopes = errors.New("--namespace and --cluster exclude each other")
	errWhichValue = errors.New("give one object and a value: NAMESPACE/NAME VALUE")
	errNoTrigger  = errors.New("--trigger is required: the name of a trigger of type push")
)

// pairs reads arguments of the form NAME=VALUE.
func pairs(what string, words []string) (map[string]string, error) {
	all := map[string]string{}
	var wrong []error
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		switch _, twice := all[name]; {
		case !ok || name == "":
			wrong = append(wrong, fmt.Errorf("%s %q: expected NAME=VALUE", what, word))
		case twice:
			wrong = append(wrong, fmt.Errorf("%s %s is given twice", what, name))
		default:
			all[name] = value
		}
	}
	return all, errors.Join(wrong...)
}

// alertBody returns the body of an Alertmanager's webhook with one alert.
func alertBody(labels, annotations map[string]string, resolve bool, now time.Time) map[string]any {
	status, ends := "firing", time.Time{}
	if resolve {
		status, ends = "resolved", now
	}
	return map[string]any{
		"version": "4", "receiver": "impulse-send", "status": status,
		"alerts": []any{map[string]any{
			"status": status, "labels": labels, "annotations": annotations, "startsAt": now.Format(time.RFC3339Nano), "endsAt": ends.Format(time.RFC3339Nano),
		}},
	}
}

// alertName formats labels as Alertmanager does.
func alertName(labels map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, name+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// writeText prints the answer to a message.
func (a *answer) writeText(w io.Writer, m message) error {
	if a.Code/100 == 2 {
		selected, next := "", m.next
		switch n := a.SelectedBy; {
		case !m.counts:
		case n == nil:
			selected, next = "; which objects select it is not known yet, as Impulse has just started", m.unselected
		case *n == 0:
			selected, next = "; no object selects it", m.unselected
		default:
			selected = "; " + plural(*n, "object selects it", "objects select it")
		}
		_, err := fmt.Fprintf(w, "recorded (%d): %s%s\nnext: %s\n", a.Code,
			printable.Line(m.what, printable.Longest), selected, printable.Line(next, printable.Longest))
		return err
	}
	reason, hint := a.Text, hints[a.Code]
	switch {
	case a.Code != http.StatusUnauthorized:
	case a.credential == "":
		reason += ": no token was sent"
	default:
		reason, hint = reason+": "+a.credential+" was not accepted", "use a token of the --tokens-file or --credentials-file of Impulse"
	}
	_, err := fmt.Fprintf(w, "refused (%d): %s\n", a.Code, printable.Line(reason, printable.Longest))
	if err == nil && hint != "" {
		_, err = fmt.Fprintln(w, "next: "+hint)
	}
	return err
}

// hints are next steps by status code.
var hints = map[int]string{
	http.StatusUnauthorized: "set --token-file or IMPULSE_TOKEN to a token of the --tokens-file or --credentials-file of Impulse",
	http.StatusForbidden:    "use a token that is valid for this namespace",
	http.StatusNotFound:     "impulse get -A lists the objects; the trigger is named as in spec.triggers",
}
