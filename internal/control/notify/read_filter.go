package notify

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
)

func (p *parser) filter(node *yaml.Node, path string) Filter {
	fields := p.fields(node, path, "types", "namespaces", "selector", "rules", "minChange")
	var f Filter
	if n := fields["types"]; n != nil {
		for _, text := range p.texts(n, path+".types", checkType) {
			f.Types = append(f.Types, Type(text))
		}
	}
	if n := fields["namespaces"]; n != nil {
		f.Namespaces = p.texts(n, path+".namespaces", checkNamespace)
	}
	if n := fields["rules"]; n != nil {
		f.Rules = p.texts(n, path+".rules", checkRule)
		if len(f.Types) > 0 && !slices.Contains(f.Types, Limited) && !slices.Contains(f.Types, Unlimited) {
			p.add(n, path+".rules", "has no effect with these types", "add the type limited, or remove rules")
		}
	}
	if n := fields["selector"]; n != nil {
		selector, err := labels.Parse(p.text(n, path+".selector"))
		if err != nil {
			p.add(n, path+".selector", "is no label selector", "such as team=shop,tier in (web, worker)")
		}
		f.Selector = selector
	}
	if n := fields["minChange"]; n != nil {
		f.MinChange = p.minChange(n, path+".minChange", f.Types)
	}
	return f
}

func (p *parser) minChange(node *yaml.Node, path string, ts []Type) int64 {
	change, err := strconv.ParseInt(node.Value, 10, 32)
	if node.Kind != yaml.ScalarNode || err != nil || change < 1 {
		p.add(node, path, "is no number of replicas", "a whole number from 1 was expected")
	}
	if len(ts) > 0 && !slices.Contains(ts, Scaled) {
		p.add(node, path, "has no effect with these types", "add the type scaled, or remove minChange")
	}
	return change
}

func checkType(text string) (problem, suggestion string) {
	if _, ok := named(text); ok {
		return "", ""
	}
	known := make([]string, len(Types()))
	for i, t := range Types() {
		known[i] = string(t)
	}
	return "is no type of notification", diag.Suggest(text, known)
}

func checkNamespace(text string) (problem, suggestion string) {
	if len(validation.IsDNS1123Label(text)) > 0 {
		return "is no name of a namespace", "remove namespaces to select all"
	}
	return "", ""
}

// checkRule checks the name of a rule as the reason of the condition ScalingLimited.
func checkRule(text string) (problem, suggestion string) {
	known := limitingRules()
	if slices.Contains(known, text) {
		return "", ""
	}
	return "is no reason of the condition ScalingLimited", diag.Suggest(text, known)
}

// limitingRules returns the reasons of the condition ScalingLimited.
func limitingRules() []string {
	var all []string
	for r := scalers.RuleUnknown; r <= scalers.RulePaused; r++ {
		if r != scalers.RuleActivation {
			name := r.String()
			all = append(all, strings.ToUpper(name[:1])+name[1:])
		}
	}
	return all
}
