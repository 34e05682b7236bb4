package postgresql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/internal/database"
)

func TestConnection(t *testing.T) {
	t.Run("single parameters of the authenticationRef override the metadata", testSingleParametersOfAuthenticationRefOverrideMetadata)
	t.Run("a parameter that is missing is named", testParameterThatIsMissingIsNamed)
	t.Run("a connection string is read as PostgreSQL reads it", testConnectionStringIsReadAsPostgreSQLReadsIt)
	t.Run("the environment and the home folder of the process are not used", testEnvironmentAndHomeFolderOfProcessAreNotUsed)
	t.Run("a connection string cannot name files", testConnectionStringCannotNameFiles)
	t.Run("an invalid connection string is not repeated", testInvalidConnectionStringIsNotRepeated)
	t.Run("a ca needs a mode that verifies", testCANeedsModeThatVerifies)
}

// complete is a config that needs only a password.
var complete = Config{Host: "a", Port: "1", UserName: "u", DBName: "d", SSLMode: "disable"}

// described returns the settings of a connection in one line.
func described(t *testing.T, c Config, credentials database.Credentials) string {
	t.Helper()
	s, err := c.settings(credentials)
	if err != nil {
		return err.Error()
	}
	text := []string{s.User + ":" + s.Password + "@" + s.Host + "/" + s.Database}
	for _, server := range servers(s) {
		switch config := server.TLSConfig; {
		case config == nil:
			text = append(text, "plain")
		case verifies(config):
			text = append(text, "verified")
		default:
			text = append(text, "encrypted")
		}
	}
	for key, value := range s.RuntimeParams {
		if key != "application_name" || value != "impulse" {
			text = append(text, key+"="+value)
		}
	}
	return strings.Join(text, " ")
}

func testSingleParametersOfAuthenticationRefOverrideMetadata(t *testing.T) {
	for want, credentials := range map[string]database.Credentials{
		`u:p' \@a/d plain`: {"password": `p' \`},
		"v:@b/e verified":  {"host": "b", "userName": "v", "dbName": "e", "sslmode": "verify-full"},
	} {
		if got := described(t, complete, credentials); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func testParameterThatIsMissingIsNamed(t *testing.T) {
	for name, clear := range map[string]func(*Config){
		"host": func(c *Config) { c.Host = "" }, "userName": func(c *Config) { c.UserName = "" },
		"dbName": func(c *Config) { c.DBName = "" }, "sslmode": func(c *Config) { c.SSLMode = "" },
	} {
		c := complete
		clear(&c)
		if got := described(t, c, nil); !strings.HasPrefix(got, name+" is missing") {
			t.Errorf("without %s: got %s", name, got)
		}
	}
	c := complete
	c.Port = ""
	if s, err := c.settings(nil); err != nil || s.Port != 5432 {
		t.Errorf("without a port: got %v, %v", s, err)
	}
}

func testConnectionStringIsReadAsPostgreSQLReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		"host=h user=u password=p dbname=d sslmode=require":                     "u:p@h/d encrypted",
		"host=h user=u password='p w' dbname=d":                                 "u:p w@h/d encrypted plain",
		"postgres://u:p@h/d":                                                    "u:p@h/d encrypted plain",
		"postgresql://u:p%40x@h:1/d?sslmode=verify-full":                        "u:p@x@h/d verified",
		"postgres://u@h/d?password=p&sslmode=disable":                           "u:p@h/d plain",
		"postgres://u:a?b@h?sslmode=disable&dbname=d":                           "u:a?b@h/d plain",
		"postgres://u:p@h/d?ssl=true":                                           "u:p@h/d encrypted",
		"postgres://u:p@h,i/d?sslmode=verify-ca&target_session_attrs=read-only": "u:p@h/d verified" + " verified",
		"postgres://u:p@h/d?sslmode=disable&search_path=s":                      "u:p@h/d plain search_path=s",
		"postgres://u:p@/d":                                                     "the connection has no host, or a path instead of a host",
		"host=/tmp user=u":                                                      "the connection has no host, or a path instead of a host",
	} {
		if got := described(t, Config{}, database.Credentials{"connection": text}); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func testEnvironmentAndHomeFolderOfProcessAreNotUsed(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, ".pgpass"), "*:*:*:*:stolen\n")
	if err := os.Mkdir(filepath.Join(home, ".postgresql"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".postgresql", "root.crt"), "no certificate")
	t.Setenv("HOME", home)
	for name, value := range map[string]string{
		"PGPASSWORD": "stolen", "PGSSLMODE": "require", "PGSSLROOTCERT": filepath.Join(home, ".pgpass"), "PGOPTIONS": "-c x=y", "PGTZ": "Asia/Tokyo",
		"PGAPPNAME": "other", "PGTARGETSESSIONATTRS": "standby", "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "gss",
		"PGCONNECT_TIMEOUT": "1", "PGSSLNEGOTIATION": "direct", "PGPASSFILE": filepath.Join(home, ".pgpass"),
	} {
		t.Setenv(name, value)
	}
	for _, credentials := range []database.Credentials{
		{},
		{"connection": "host=a user=u dbname=d sslmode=disable"},
		{"connection": "postgres://u@a/d?sslmode=disable"},
		{"connection": "postgres://u:@a/d?sslmode=disable"},
	} {
		if got, want := described(t, complete, credentials), "u:@a/d plain"; got != want {
			t.Errorf("%s: got %s, want %s", credentials, got, want)
		}
		s, err := complete.settings(credentials)
		if err != nil || s.ValidateConnect != nil || s.ChannelBinding != "prefer" || s.RequireAuth != "" || s.ConnectTimeout != 0 || s.SSLNegotiation != "" {
			t.Errorf("%s: got settings from the environment: %+v, %v", credentials, s, err)
		}
	}
	if got, want := described(t, Config{}, database.Credentials{"connection": "postgres://u:p@a/d"}), "u:p@a/d encrypted plain"; got != want {
		t.Errorf("without sslmode: got %s, want %s", got, want)
	}
}

func testConnectionStringCannotNameFiles(t *testing.T) {
	for _, key := range []string{"sslrootcert", "sslcert", "sslkey", "passfile", "service", "servicefile"} {
		for _, text := range []string{"host=h user=u " + key + "=/etc/passwd", "postgres://u@h/d?" + key + "=/etc/passwd"} {
			got := described(t, Config{}, database.Credentials{"connection": text})
			if want := "the connection has the key " + key + ": files are not read"; !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %s, want %s", text, got, want)
			}
		}
	}
	got := described(t, Config{}, database.Credentials{"connection": "host=h pool_max_conns=5"})
	if want := "the connection has a key that is not supported"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func testInvalidConnectionStringIsNotRepeated(t *testing.T) {
	for _, text := range []string{
		"secret", "password='secret", "postgres://u:secret@h:x/d", "postgres://u:sec:ret@secret:9:9/", "host=h port=secret", "host=h sslmode=secret",
		"postgres://u:%secret@h", "host=h user=u secret=1", "host=h\x00 password=secret",
	} {
		got := described(t, Config{}, database.Credentials{"connection": text})
		if strings.Contains(got, "secret") || !strings.HasPrefix(got, "the connection ") {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

func testCANeedsModeThatVerifies(t *testing.T) {
	for mode, want := range map[string]string{
		"disable": "the credential ca needs", "allow": "the credential ca needs", "prefer": "the credential ca needs",
		"require": "the credential ca needs", "verify-ca": "u:p@a/d verified", "verify-full": "u:p@a/d verified",
	} {
		c := complete
		c.SSLMode = mode
		if got := described(t, c, database.Credentials{"password": "p", "ca": authority(t)}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", mode, got, want)
		}
	}
}
