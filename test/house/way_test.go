package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hop is one row of the table in docs/architecture.md: a function that an alert passes on its way to the PATCH.
var hop = regexp.MustCompile("(?m)^\\| \\d+ \\| `([^`]+)` \\| `([^`]+)\\.([^`]+)` \\|")

// numbered is the beginning of a row of such a table.
var numbered = regexp.MustCompile(`(?m)^\| \d+ \|`)

func TestWayOfAnAlert(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	hops := hop.FindAllStringSubmatch(string(page), -1)
	distinct := map[string]bool{}
	for _, h := range hops {
		distinct[h[1]] = true
	}
	t.Run("has at most 10 hops in at most 8 files", func(t *testing.T) {
		if len(hops) == 0 || len(hops) > 10 || len(distinct) > 8 {
			t.Errorf("docs/architecture.md lists %d hops in %d files, want 1 to 10 in at most 8", len(hops), len(distinct))
		}
	})
	t.Run("has a method in each row", func(t *testing.T) {
		if rows := len(numbered.FindAllString(string(page), -1)); rows != len(hops) {
			t.Errorf("docs/architecture.md has %d numbered rows, and %d of them name a file and a method: want all", rows, len(hops))
		}
	})
	t.Run("is that of the code", func(t *testing.T) {
		all := files(t)
		for _, h := range hops {
			i := slices.IndexFunc(all, func(f file) bool { return f.path == h[1] })
			if i < 0 || !hasMethod(all[i].ast, h[2], h[3]) {
				t.Errorf("docs/architecture.md lists the hop %s.%s in %s: there is no such function in that file", h[2], h[3], h[1])
			}
		}
	})
}

// hasMethod reports whether a file declares a method of a type.
func hasMethod(f *ast.File, receiver, name string) bool {
	return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || fn.Name.Name != name {
			return false
		}
		expr := fn.Recv.List[0].Type
		if star, ok := expr.(*ast.StarExpr); ok {
			expr = star.X
		}
		ident, ok := expr.(*ast.Ident)
		return ok && ident.Name == receiver
	})
}

// speakHTTP are the folders that may use status codes: the server, and HTTP clients.
var speakHTTP = []string{
	"internal/ingest/httpserver", "internal/ingest/forward", "internal/control/admission", "internal/control/serviceproxy", "internal/control/notify", "internal/control/vault", "actuator", "cmd", "deploy", "bench", "internal/testkit",
	"triggers/alertmanager", "triggers/metricsapi", "triggers/nats", "triggers/prometheus", "triggers/rabbitmq", "triggers/webhook", "triggers/internal/httpauth",
}

func TestStatusCodes(t *testing.T) {
	t.Run("are used by the HTTP server and by HTTP clients only", func(t *testing.T) {
		for _, f := range files(t) {
			if f.test() || below(f.dir, "test") || slices.ContainsFunc(speakHTTP, func(dir string) bool { return below(f.dir, dir) }) {
				continue
			}
			if strings.Contains(f.source, "http.Status") {
				t.Errorf("%s uses a status code: only %v may", f.path, speakHTTP)
			}
		}
	})
}
