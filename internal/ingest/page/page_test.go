package page

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestPage(t *testing.T) {
	t.Run("every file has a content type, and is not sent twice", testEveryFileHasContentType)
	t.Run("a path that is no file is 404", testPathThatIsNoFileIs404)
	t.Run("no file names another server or an absolute path", testNoFileNamesAnotherServer)
	t.Run("no file has inline scripts or styles, or parses text as HTML", testNoFileHasInlineScripts)
}

// get requests a path.
func get(t *testing.T, path, etag string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := Handler()
	if err != nil {
		t.Fatal(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	h.ServeHTTP(w, r)
	return w
}

// eachFile calls visit with the path and the content of every file.
func eachFile(t *testing.T, visit func(path, content string)) {
	t.Helper()
	n := 0
	err := fs.WalkDir(files, "files", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(path)
		n++
		visit(strings.TrimPrefix(path, "files"), string(content))
		return err
	})
	if err != nil || n < 15 {
		t.Fatalf("got %d files, %v, want 15 or more", n, err)
	}
}

func testEveryFileHasContentType(t *testing.T) {
	eachFile(t, func(path, content string) {
		w := get(t, path, "")
		if w.Code != http.StatusOK || w.Body.String() != content || w.Header().Get("Content-Type") == "" || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: got %d, %d bytes, %v", path, w.Code, w.Body.Len(), w.Header())
		}
		if again := get(t, path, w.Header().Get("Etag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s: got %d, %d bytes for the same version, want 304", path, again.Code, again.Body.Len())
		}
	})
	if w := get(t, "/", ""); !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(w.Body.String(), "app.js") {
		t.Errorf("got %v %s, want index.html", w.Header(), w.Body)
	}
}

func testPathThatIsNoFileIs404(t *testing.T) {
	for _, path := range []string{"/nothing", "/uplot", "/../page.go", "/files/index.html"} {
		if w := get(t, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, w.Code)
		}
	}
}

// elsewhere matches a URL of another server, or a path that begins at the root of this one.
var elsewhere = regexp.MustCompile(`https?://|(?:href|src|from|fetch\(|url\()\s*[=(]?\s*['"]/`)

func testNoFileNamesAnotherServer(t *testing.T) {
	eachFile(t, func(path, content string) {
		if strings.HasPrefix(path, "/uplot/") || path == "/favicon.svg" {
			return // The licence has a URL, and an SVG names its namespace.
		}
		if found := elsewhere.FindString(content); found != "" {
			t.Errorf("%s has %q, want relative URLs only", path, found)
		}
	})
}

// inline matches what the policy of the page forbids, and what would parse text as HTML.
var inline = regexp.MustCompile(`(?i)innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|<style|\sstyle="|\son[a-z]+="|<script>`)

func testNoFileHasInlineScripts(t *testing.T) {
	eachFile(t, func(path, content string) {
		if found := inline.FindString(content); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	})
}
