package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// liveExplainer explains objects of a cluster, or of an Impulse in file mode.
type liveExplainer struct {
	cluster   *cluster
	selection *selection
	// lease is the namespace of the AlertSets.
	lease  string
	live   liveValues
	output *output
}

// explained is the explanation of one of several objects.
type explained struct {
	Object string `json:"object"`
	// Error is the reason for which there is no explanation, or only one of the last good version.
	Error string `json:"error,omitempty"`

	*explain.Explanation

	about string
}

// explainObjects explains the objects with these names, or those that the flags select.
func explainObjects(cmd *cobra.Command, l *liveExplainer, names []string) error {
	all, failed := l.selection.read(cmd.Context(), l.cluster, names)
	if len(all) == 0 && failed != nil {
		return failed
	}
	if !l.cluster.warnLeaderless(cmd.Context(), cmd.ErrOrStderr(), l.lease) && len(all) > 0 {
		l.live.connect(cmd.Context(), l.cluster, l.lease)
	}
	if len(names) == 1 {
		e, about, err := l.explain(cmd.Context(), all[0], true)
		if unread := l.live.report(cmd.ErrOrStderr()); unread != nil {
			return unread
		}
		if e == nil {
			return err
		}
		if err != nil {
			printError(cmd.ErrOrStderr(), err)
			err = errFindings
		}
		return errors.Join(l.output.write(cmd.OutOrStdout(), e, func(out io.Writer) error { return e.Text(out, about) }), err)
	}
	if len(all) == 0 && l.output.value == "text" {
		return l.selection.reportNone(cmd, l.cluster, "ScaledObject")
	}
	several := make([]explained, len(all))
	for i, so := range all {
		one := &several[i]
		one.Object = so.Namespace + "/" + so.Name
		var err error
		if one.Explanation, one.about, err = l.explain(cmd.Context(), so, false); err != nil {
			one.Error = err.Error()
		}
	}
	if err := l.live.report(cmd.ErrOrStderr()); err != nil {
		return err
	}
	return errors.Join(l.output.write(cmd.OutOrStdout(), several, func(out io.Writer) error { return explainedText(out, several) }), failed)
}

// explainedText writes explanations, with an empty line between two.
func explainedText(out io.Writer, all []explained) error {
	for i := range all {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if all[i].Explanation == nil {
			fmt.Fprintf(out, "%s: not explained: %s\n", all[i].Object, printable.Line(all[i].Error, printable.Longest))
			continue
		}
		if all[i].Error != "" {
			fmt.Fprintln(out, printable.Line(all[i].Error, printable.Longest))
		}
		if err := all[i].Text(out, all[i].about); err != nil {
			return err
		}
	}
	return nil
}

// explain explains one object. If its spec is invalid, it returns an error, and the explanation of the last good version if that is in
// effect. If it is alone, alerts that were delivered elsewhere are searched for it, which reads all records.
func (l *liveExplainer) explain(ctx context.Context, so *v1alpha1.ScaledObject, alone bool) (*explain.Explanation, string, error) {
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	present := l.live.object(ctx, so)
	if present != nil {
		so.Status = *present.Status
	}
	if w == nil {
		effect := effectOfInvalid(&so.Status)
		invalid := fmt.Errorf("%s/%s is invalid%s: %w", so.Namespace, so.Name, effect, joined(mistakes))
		if effect != effectLastGood {
			return nil, "", invalid
		}
		e, err := lastGood(so, present)
		if err != nil {
			return nil, "", errors.Join(invalid, err)
		}
		return e, fmt.Sprintf("%s/%s (last good version)", so.Namespace, so.Name), invalid
	}
	about := fmt.Sprintf("%s (%s)", w.Key(), w.Target)
	e := explanationOf(present)
	if e == nil {
		var err error
		if e, err = explain.Object(w, &so.Status, time.Now()); err != nil {
			return nil, about, err
		}
	}
	if alone {
		if hint := l.cluster.elsewhere(ctx, l.lease, w, &so.Status); hint != "" {
			e.Notices = append(e.Notices, hint)
		}
	}
	return e, about, nil
}

// lastGood explains the decision by the last good version of an object. Only the leader knows its rules.
func lastGood(so *v1alpha1.ScaledObject, present *live.Object) (*explain.Explanation, error) {
	if e := explanationOf(present); e != nil {
		return e, nil
	}
	return explain.LastGood(so, time.Now())
}

// explanationOf returns the leader's explanation of an object; nil if it has none.
func explanationOf(present *live.Object) *explain.Explanation {
	if present == nil || present.Explanation == nil {
		return nil
	}
	present.Explanation.Live = true
	return present.Explanation
}

// effectLastGood is the effect of an invalid spec that once was valid.
const effectLastGood = ", and its last good version stays in effect"

// effectOfInvalid returns what Impulse does with an object whose spec is invalid, if its status shows that.
func effectOfInvalid(s *v1alpha1.ScaledObjectStatus) string {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	able := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionAbleToScale)
	switch {
	case ready == nil || able == nil || ready.Reason != v1alpha1.ReasonInvalidSpec:
		return ""
	case able.Reason == v1alpha1.ReasonInvalidSpec:
		return ", and Impulse does not scale it"
	default:
		return effectLastGood
	}
}

// joined is every mistake as one error.
func joined(mistakes []diag.Error) error {
	all := make([]error, len(mistakes))
	for i, m := range mistakes {
		all[i] = m
	}
	return errors.Join(all...)
}
