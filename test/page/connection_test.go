package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/impulse-sh/impulse/test/page/stage"
)

func TestConnection(t *testing.T) {
	t.Run("a lost connection is shown, and comes back by itself", testLostConnectionIsShown)
	t.Run("without a server the page says so, and begins when there is one", testPageWithoutServerSaysSo)
	t.Run("a wrong token is refused, and a right one is asked for once", testWrongTokenIsRefused)
	t.Run("a token of a namespace shows that namespace only", testTokenOfNamespaceShowsThatOnly)
	t.Run("the page works behind a path, whether the proxy removes it or not", testPageWorksBehindPath)
}

func testLostConnectionIsShown(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10))
	s.Levels.Set("shop/web", 150)
	for path, ready := range map[string]string{"": ".rows", "#/shop/web": ".why"} {
		b := open(t, s.URL()+path, desk)
		b.untilText(ready, "2")
		s.Disconnect()
		b.untilText("#connection", "Connection lost: values are from ")
		b.untilText("#connection", "reconnecting")
		b.untilText(ready, "2") // The values stay.
		s.Levels.Set("shop/web", 730)
		if err := s.Serve(); err != nil {
			t.Fatal(err)
		}
		b.untilText("#connection", "Live")
		b.untilText(ready, "8")
		s.Targets.Reset()
		s.Levels.Set("shop/web", 150)
	}
}

func testPageWithoutServerSaysSo(t *testing.T) {
	s := start(t, stage.Options{})
	s.Apply(stage.Object("shop", "web", 1, 10))
	s.Levels.Set("shop/web", 150)
	b := open(t, s.URL()+"favicon.svg", desk)
	evaluate[bool](b, `true`)
	b.do(chromedp.Navigate(s.URL()))
	b.untilText(".rows", "web")
	s.Disconnect()
	b.untilText("#connection", "Connection lost")
	evaluate[bool](b, `(location.hash = '#/shop/web', true)`) // A view that has never had data.
	b.untilText("#main", "Impulse cannot be reached")
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	b.untilText(".why", "2 replicas")
	if text := b.text("#main"); strings.Contains(text, "cannot be reached") {
		t.Errorf("the page still says that Impulse cannot be reached: %s", text)
	}
}

// signIn types a token into the form.
func (b *tab) signIn(token string) {
	b.t.Helper()
	b.untilText("h1", "Sign in")
	b.do(chromedp.SetValue(chromedp.CSS("input[name=secret]"), token), chromedp.Click(chromedp.CSS("button[type=submit]")))
}

func testWrongTokenIsRefused(t *testing.T) {
	s := start(t, stage.Options{Tokens: tokens(t, "token-of-all")})
	s.Apply(stage.Object("shop", "web", 1, 10))
	b := open(t, s.URL()+"#/shop/web", desk)
	b.signIn("token-of-nobody")
	b.untilText(".problem", "does not accept this token")
	b.signIn("token-of-all")
	b.untilText("h1", "web")
	if cookie := evaluate[string](b, `document.cookie`); cookie != "" {
		t.Errorf("scripts see the cookie %q", cookie)
	}
	b.do(chromedp.Reload())
	b.untilText("h1", "web")
	b.untilText("#signout", "Sign out")
	b.do(chromedp.Click(chromedp.CSS("#signout")))
	b.untilText("h1", "Sign in")
	b.do(chromedp.Reload())
	b.untilText("h1", "Sign in")
}

func testTokenOfNamespaceShowsThatOnly(t *testing.T) {
	s := start(t, stage.Options{Tokens: tokens(t, "shop=token-of-shop", "bank=token-of-bank")})
	s.Apply(stage.Object("shop", "web", 1, 10), stage.Object("bank", "ledger", 1, 10))
	b := open(t, s.URL(), desk)
	b.signIn("token-of-shop")
	b.untilText(".count", "1 object")
	b.untilRow("web", "shop")
	evaluate[bool](b, `(location.hash = '#/bank/ledger', true)`)
	b.untilText("#main", "not valid for this namespace")
}

func testPageWorksBehindPath(t *testing.T) {
	for name, prefix := range map[string]string{"the proxy removes it": "", "the proxy leaves it": "/tools/impulse"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, stage.Options{Prefix: prefix, Tokens: tokens(t, "token-of-all")})
			s.Apply(stage.Object("shop", "web", 1, 10))
			target, err := url.Parse(s.URL())
			if err != nil {
				t.Fatal(err)
			}
			target.Path = ""
			proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, FlushInterval: -1}
			mux := http.NewServeMux()
			if prefix == "" {
				mux.Handle("/tools/impulse/", http.StripPrefix("/tools/impulse", proxy))
			} else {
				mux.Handle("/tools/", proxy)
			}
			outside := httptest.NewServer(mux)
			t.Cleanup(func() {
				outside.CloseClientConnections()
				outside.Close()
			})
			b := open(t, outside.URL+"/tools/impulse/", desk)
			b.signIn("token-of-all")
			b.untilRow("web", "shop")
			b.do(chromedp.Click(chromedp.CSS(".row a")))
			b.untilText("h1", "web")
			b.until("the object", `!document.querySelector('.loading')`)
			b.do(chromedp.Reload())
			b.untilText("h1", "web")
		})
	}
}
