package httpserver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"
)

// pagePrefix precedes the names of the routes of the page in metrics.
const pagePrefix = "page/"

// openPage opens the listener for the page.
func (s *Server) openPage(ctx context.Context) error {
	o := &s.options
	if o.PageAddr == "" {
		return nil
	}
	if o.PagePrefix != "" && !prefixForm.MatchString(o.PagePrefix) {
		return fmt.Errorf("--page-prefix is %q: expected a path without a slash at the end, such as /impulse", o.PagePrefix)
	}
	if err := checkOpenAddress("--page-listen", o.PageAddr, *o); err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.PageAddr)
	switch {
	case err != nil && o.PageOptional:
		o.Log.Warn("the page is not served: set --page-listen to another address, or to none", "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("listen for the page (--page-listen): %w", err)
	}
	s.pageListener = listener
	if o.TLS != nil && !isLoopback(o.PageAddr) {
		s.pageListener = o.TLS.listen(listener)
	}
	s.page = s.newHTTPServer(stripPrefix(o.PagePrefix, s.pageRoutes()), "page", maxConnections)
	return nil
}

// prefixForm matches a path of one or more segments that need no escapes.
var prefixForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// PageURL returns the URL of the page; "" when there is none.
func (s *Server) PageURL() string {
	if s.pageListener == nil {
		return ""
	}
	scheme := "http"
	if s.options.TLS != nil && !isLoopback(s.options.PageAddr) {
		scheme = "https"
	}
	return scheme + "://" + s.pageListener.Addr().String() + s.options.PagePrefix + "/"
}

// pageRoutes returns the routes of the page: its files, the live objects, and the sign-in.
func (s *Server) pageRoutes() http.Handler {
	names := map[string]string{"/*": "page", "/session": "page/session"}
	e := s.router(names)
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		c.Set(noChallengeKey, true)
		s.answerError(err, c)
	}
	e.Use(secure, sameSite)
	s.addLiveRoutes(e, names, pagePrefix, s.readerFromBrowser)
	e.POST("/session", s.signIn)
	e.DELETE("/session", s.signOut)
	e.GET("/*", echo.WrapHandler(s.options.Page))
	return e
}

// noChallengeKey is set in the context of a request whose answer must not make a browser ask for a password itself.
const noChallengeKey = "noChallenge"

// policy is what a browser may do with an answer: use scripts, styles and images of this server, and ask only this server. No text can become
// a script, and no other site may frame the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// secure is a middleware that restricts what a browser does with an answer.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		return next(c)
	}
}

// sameSite is a middleware that refuses requests of other sites' pages, as far as the browser says so. Only the page itself may be opened from
// elsewhere, by a link. Browsers would not let another site read an answer anyway.
func sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Request().Header
		switch site := header.Get("Sec-Fetch-Site"); {
		case site == "", site == "same-origin", site == "none", header.Get("Sec-Fetch-Mode") == "navigate":
			return next(c)
		default:
			return echo.NewHTTPError(http.StatusForbidden, "the request comes from another site")
		}
	}
}

// stripPrefix removes a prefix from the paths of requests. A proxy may have removed it, so paths without it are served, too.
func stripPrefix(prefix string, h http.Handler) http.Handler {
	if prefix == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, found := strings.CutPrefix(r.URL.Path, prefix)
		switch {
		case found && rest == "":
			http.Redirect(w, r, prefix+"/", http.StatusPermanentRedirect)
		case found && strings.HasPrefix(rest, "/"):
			http.StripPrefix(prefix, h).ServeHTTP(w, r)
		default:
			h.ServeHTTP(w, r)
		}
	})
}
