package postgresql

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// FuzzConnection: a connection string is accepted or refused without repeating it, and never uses the environment or a Unix socket.
func FuzzConnection(f *testing.F) {
	for _, text := range []string{
		"host=h user=u password=p dbname=d", "postgres://u:p@h:1,i:2/d?sslmode=verify-full", "postgres://[::1]/?password=", "postgres://?", "=", "host='",
		"postgres://u:a?b@h?x=y", "host=h password=''", "postgres://u:%00@h", "postgres://h/d?sslmode=require&ssl=true",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		t.Setenv("PGPASSWORD", "of the process")
		s, err := Config{}.settings(database.Credentials{"connection": text})
		if err != nil {
			if len(text) > 8 && strings.Contains(err.Error(), text) && !strings.Contains(strings.Join(allowedKeys, ", "), text) {
				t.Errorf("the error repeats the string: %v", err)
			}
			return
		}
		if s.Password == "of the process" && !strings.Contains(text, "process") {
			t.Error("the password comes from the environment")
		}
		for _, server := range servers(s) {
			if strings.HasPrefix(server.Host, "/") {
				t.Errorf("the host is %s", server.Host)
			}
		}
	})
}

// FuzzQuoted: each value of a single parameter is a value of the connection, and nothing else.
func FuzzQuoted(f *testing.F) {
	for _, value := range []string{"", "a b", `\`, `'`, `\' host=other`, "x' host='y", "é", "\t\n"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := complete.settings(database.Credentials{"password": value, "userName": value})
		if err != nil {
			if !strings.Contains(value, "\x00") {
				t.Errorf("%q: %v", value, err)
			}
			return
		}
		if s.Password != value || value != "" && s.User != value || s.Host != "a" || len(s.Fallbacks) > 0 {
			t.Errorf("%q became %+v", value, s)
		}
	})
}
