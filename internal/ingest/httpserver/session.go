package httpserver

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// sessionCookie is the name of the cookie of a session, which ends after sessionLifetime.
	sessionCookie   = "impulse_session"
	sessionLifetime = 12 * time.Hour
	// The rate of attempts to sign in, of all clients together, in attempts a second, and its burst.
	signInRate, signInBurst = 5, 20
	maxSignIn               = 4 << 10
)

// signIn answers a credential with the cookie of a session. It demands JSON, which a form of another site cannot send.
func (s *Server) signIn(c echo.Context) error {
	r := c.Request()
	if media, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || media != echo.MIMEApplicationJSON {
		return echo.NewHTTPError(http.StatusUnsupportedMediaType, "expected application/json")
	}
	if s.options.Credentials == nil {
		return c.NoContent(http.StatusNoContent)
	}
	if !s.signIns.AllowN(s.options.Now(), 1) {
		return s.refused(Route{Name: pagePrefix + "session"}, errRate)
	}
	var typed struct{ Username, Secret string }
	if err := json.NewDecoder(io.LimitReader(r.Body, maxSignIn)).Decode(&typed); err != nil || typed.Secret == "" {
		return echo.NewHTTPError(http.StatusBadRequest, "expected a secret, and a username for a password")
	}
	now := s.options.Now()
	credential, err := s.options.Credentials.SignIn(typed.Username, typed.Secret, now)
	if err != nil {
		return s.refused(Route{Name: pagePrefix + "session"}, err)
	}
	ends := now.Add(sessionLifetime)
	c.SetCookie(cookie(r, credential.NewSession(ends), ends))
	return c.NoContent(http.StatusNoContent)
}

// signOut removes the cookie of a session.
func (s *Server) signOut(c echo.Context) error {
	removed := cookie(c.Request(), "", time.Unix(1, 0))
	removed.MaxAge = -1
	c.SetCookie(removed)
	return c.NoContent(http.StatusNoContent)
}

// cookie returns the cookie of a session. It has no path, so that the browser limits it to the path of the page, which only the browser knows
// behind a proxy. A proxy that ends TLS says so.
func cookie(r *http.Request, value string, ends time.Time) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Expires: ends, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}
