package observability

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/promtool"
)

func TestDashboard(t *testing.T) {
	t.Run("panels do not overlap, and each has a title, a description and a query", testPanelsDoNotOverlap)
	t.Run("every query uses the selected data source and only variables that exist", testEveryQueryUsesSelectedDataSource)
	t.Run("promtool parses every query", testPromtoolParsesEveryQuery)
}

const dashboardFile = "deploy/chart/files/dashboard.json"

// dashboard is what the tests need of a dashboard.
type dashboard struct {
	UID, Title string
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []target
}

type target struct {
	Expr       string
	Datasource struct{ UID string }
}

// load returns the dashboard.
func load(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 20 {
		t.Fatalf("found only %d panels", len(d.Panels))
	}
	return d
}

func testPanelsDoNotOverlap(t *testing.T) {
	d := load(t)
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d, %q: got %d queries and the description %q, want some and an ID of its own", p.ID, p.Title, len(p.Targets), p.Description)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q is on top of %q, or too wide", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

var variable = regexp.MustCompile(`\$\{?([a-zA-Z_]+)`)

func testEveryQueryUsesSelectedDataSource(t *testing.T) {
	d := load(t)
	known := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		known[v.Name] = true
	}
	for _, name := range []string{"datasource", "namespace", "scaledobject"} {
		if !known[name] {
			t.Errorf("there is no variable %s", name)
		}
	}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			if q.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q has the data source %q", p.Title, q.Datasource.UID)
			}
			for _, name := range variable.FindAllStringSubmatch(q.Expr, -1) {
				if !known[name[1]] {
					t.Errorf("panel %q uses the variable %s, which does not exist", p.Title, name[1])
				}
			}
		}
	}
}

// concrete returns a query with values for Grafana's variables.
func concrete(expr, namespace, object, interval string) string {
	return strings.NewReplacer("$__rate_interval", interval, "$namespace", namespace, "$scaledobject", object).Replace(expr)
}

func testPromtoolParsesEveryQuery(t *testing.T) {
	for _, p := range load(t).Panels {
		for _, q := range p.Targets {
			if out, err := promtool.Run(t, root, root, "--experimental", "promql", "format", concrete(q.Expr, "shop", "checkout", "1m")); err != nil {
				t.Error(fmt.Errorf("panel %q: %w\n%s", p.Title, err, out))
			}
		}
	}
}
