package mysql

import (
	"path/filepath"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/internal/database"
)

func TestConnection(t *testing.T) {
	t.Run("the metadata override single parameters of the authenticationRef", testMetadataOverrideSingleParametersOfAuthenticationRef)
	t.Run("a parameter that is missing is named", testParameterThatIsMissingIsNamed)
	t.Run("a connection string cannot allow what is dangerous", testConnectionStringCannotAllowWhatIsDangerous)
	t.Run("an invalid connection string is not repeated", testInvalidConnectionStringIsNotRepeated)
	t.Run("a ca makes TLS required and verified", testCAMakesTLSRequiredAndVerified)
	t.Run("the server is verified", testServerIsVerified)
}

// complete is a config that needs only a password.
var complete = Config{Host: "a", Port: "1", Username: "u", DBName: "d", TLS: "false"}

func testMetadataOverrideSingleParametersOfAuthenticationRef(t *testing.T) {
	credentials := database.Credentials{"host": "b", "port": "2", "username": "v", "dbName": "e", "password": "p:@/"}
	for want, c := range map[string]Config{"u:p:@/@a:1/d": complete, "v:p:@/@b:2/e": {}} {
		s, err := c.settings(credentials)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.User + ":" + s.Passwd + "@" + s.Addr + "/" + s.DBName; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func testParameterThatIsMissingIsNamed(t *testing.T) {
	for name, clear := range map[string]func(*Config){
		"host": func(c *Config) { c.Host = "" }, "username": func(c *Config) { c.Username = "" }, "dbName": func(c *Config) { c.DBName = "" },
	} {
		c := complete
		clear(&c)
		if _, err := c.settings(nil); err == nil || !strings.HasPrefix(err.Error(), name+" is missing") {
			t.Errorf("without %s: got %v", name, err)
		}
	}
}

func testConnectionStringCannotAllowWhatIsDangerous(t *testing.T) {
	s, err := Config{}.settings(database.Credentials{"connectionString": "u:p@tcp(h)/d?multiStatements=true&allowAllFiles=true&allowOldPasswords=true&" +
		"rejectReadOnly=true&parseTime=true&interpolateParams=true&compress=true&maxAllowedPacket=0&time_zone=%27%2B00:00%27"})
	if err != nil {
		t.Fatal(err)
	}
	if s.MultiStatements || s.AllowAllFiles || s.AllowOldPasswords || s.RejectReadOnly || s.ParseTime || s.InterpolateParams || s.MaxAllowedPacket == 0 {
		t.Errorf("got %+v", s)
	}
	if s.Addr != "h:3306" || s.Params["time_zone"] != "'+00:00'" || strings.Contains(s.FormatDSN(), "compress") {
		t.Errorf("got the data source %s", s.FormatDSN())
	}
	for text, want := range map[string]string{
		"u:p@unix(/tmp/mysql.sock)/d":                             "the connectionString must connect with tcp",
		"u:p@tcp(h)/d?allowCleartextPasswords=true":               "allowCleartextPasswords in the connectionString needs tls=true",
		"u:p@tcp(h)/d?allowCleartextPasswords=true&tls=preferred": "allowCleartextPasswords in the connectionString needs tls=true",
		"u:p@tcp(h)/d?tls=true&allowCleartextPasswords=true":      "",
		"u:p@tcp(h)/d?serverPubKey=x":                             "the connectionString is not a valid data source name",
	} {
		_, err := Config{}.settings(database.Credentials{"connectionString": text})
		if got := reasonOf(err); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func testInvalidConnectionStringIsNotRepeated(t *testing.T) {
	for _, text := range []string{"secret", "u:secret@tcp(h", "u:secret@tcp(h)d", "u:p@tcp(h)/d?tls=secret", "u:secret@tcp(h)/d?strict=true", "u:secret@secret/d"} {
		_, err := Config{}.settings(database.Credentials{"connectionString": text})
		if got := reasonOf(err); strings.Contains(got, "secret") || !strings.HasPrefix(got, "the connectionString ") {
			t.Errorf("%s: got %q", text, got)
		}
	}
}

func testCAMakesTLSRequiredAndVerified(t *testing.T) {
	ca := testkit.NewAuthority(t).PEM()
	verified := func(s *driver.Config) bool {
		return s.TLS != nil && !s.TLS.InsecureSkipVerify && s.TLS.RootCAs != nil && s.TLS.ServerName == "a" && !s.AllowFallbackToPlaintext
	}
	for mode, want := range map[string]string{
		"false": "", "true": "", "preferred": "the credentials ca, cert and key need tls=true", "skip-verify": "the credentials ca, cert and key need tls=true",
	} {
		c := complete
		c.TLS = mode
		s, err := c.settings(database.Credentials{"ca": ca})
		if got := reasonOf(err); !strings.HasPrefix(got, want) || err == nil && (want != "" || !verified(s)) {
			t.Errorf("%s: got %q, want %q", mode, got, want)
		}
		text := "u:p@tcp(a)/d?tls=" + mode + "&allowFallbackToPlaintext=true"
		s, err = Config{}.settings(database.Credentials{"ca": ca, "connectionString": text})
		if got := reasonOf(err); !strings.HasPrefix(got, want) || err == nil && (want != "" || !verified(s)) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func testServerIsVerified(t *testing.T) {
	ca := testkit.NewAuthority(t)
	s := start(t)
	s.Kill()
	cert, key := ca.Issue("localhost")
	files := []string{filepath.Join(s.dir, "cert"), filepath.Join(s.dir, "key"), filepath.Join(s.dir, "ca")}
	for i, content := range []string{cert, key, ca.PEM()} {
		write(t, files[i], content)
	}
	s.own(files...)
	s.options = []string{"--ssl-cert=" + files[0], "--ssl-key=" + files[1], "--ssl-ca=" + files[2]}
	s.restart()
	s.admin("CREATE USER shopper@'127.0.0.1' REQUIRE X509", "GRANT SELECT ON shop.* TO shopper@'127.0.0.1'",
		"CREATE USER strict@'127.0.0.1' IDENTIFIED BY '"+password+"' REQUIRE SSL", "GRANT SELECT ON shop.* TO strict@'127.0.0.1'")
	clientCert, clientKey := ca.Issue("shopper")
	for _, c := range []struct {
		host, user, mode string
		secrets          map[string]string
		want             string
	}{
		{"localhost", "strict", "false", map[string]string{"ca": ca.PEM(), "password": password}, ""},
		{"localhost", "strict", "true", map[string]string{"ca": ca.PEM(), "password": password}, ""},
		{"127.0.0.1", "strict", "skip-verify", map[string]string{"password": password}, ""},
		{"127.0.0.1", "strict", "preferred", map[string]string{"password": password}, ""},
		{"localhost", "shopper", "true", map[string]string{"ca": ca.PEM(), "cert": clientCert, "key": clientKey}, ""},
		{"127.0.0.1", "strict", "true", map[string]string{"ca": ca.PEM(), "password": password}, "the certificate of the server is for another host"},
		{"localhost", "strict", "true", map[string]string{"ca": testkit.NewAuthority(t).PEM(), "password": password}, "certificate signed by unknown authority"},
		{"localhost", "strict", "true", map[string]string{"password": password}, "certificate signed by unknown authority"},
		{"127.0.0.1", "strict", "false", map[string]string{"password": password}, "the server refuses the user or the password"},
		{"localhost", "strict", "true", map[string]string{"ca": "nonsense"}, "the credential ca is not a PEM certificate"},
	} {
		_, err := reading(t, environment(c.secrets), s.metadata("host", c.host, "username", c.user, "tls", c.mode, "query", "SELECT 1"))
		if got := reasonOf(err); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s with tls=%s at %s: got %q, want %q", c.user, c.mode, c.host, got, c.want)
		}
	}
}
