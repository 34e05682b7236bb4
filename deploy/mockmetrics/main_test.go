package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMockmetrics(t *testing.T) {
	t.Run("the count follows the requests", testCountFollowsRequests)
}

func get(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d", path, w.Code)
	}
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func testCountFollowsRequests(t *testing.T) {
	l := &load{}
	h := handler(l)
	steps := []struct {
		path  string
		steps int
		want  string
	}{
		{"/scale/up", 3, "total_hit_count 30\n"},
		{"/scale/stop", 5, "total_hit_count 30\n"},
		{"/scale/down", 1, "total_hit_count 20\n"},
		{"/scale/down", 100, "total_hit_count 0\n"},
		{"/scale/up", 1000, "total_hit_count 1000\n"},
	}
	for _, s := range steps {
		get(t, h, s.path)
		for range s.steps {
			l.step()
		}
		if metrics := get(t, h, "/metrics"); !strings.Contains(metrics, "\n"+s.want) {
			t.Errorf("after %s and %d steps: no %q in\n%s", s.path, s.steps, s.want, metrics)
		}
	}
}
