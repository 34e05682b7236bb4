package mysql

import (
	"strings"
	"testing"
)

func TestServer(t *testing.T) {
	s := start(t)
	t.Run("one number is the level", s.testOneNumberIsLevel)
	t.Run("an answer that is not one number is unknown", s.testAnswerThatIsNotOneNumberIsUnknown)
	t.Run("a query that writes is refused by the server", s.testQueryThatWritesIsRefusedByServer)
	t.Run("several statements are refused", s.testSeveralStatementsAreRefused)
}

// read returns the level of a query as text, or the reason why it is unknown. The connection string asks for what must not be allowed.
func (s *server) read(t *testing.T, query string) string {
	t.Helper()
	secrets := map[string]string{"connectionString": "reader:" + password + "@tcp(" + s.address +
		")/shop?multiStatements=true&parseTime=true&allowAllFiles=true&rejectReadOnly=true&compress=true&interpolateParams=true&maxAllowedPacket=0"}
	c := Config{Query: query, QueryValue: 1000, TLS: "false"} // It is not validated.
	v, err := readingOf(t, environment(secrets), c)
	if err != nil {
		return strings.TrimPrefix(err.Error(), "query the database of the authenticationRef: ")
	}
	return v.String()
}

func (s *server) testOneNumberIsLevel(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT count(*) FROM jobs":                     "3",
		"SELECT 9007199254740993":                       "9007199254740993",
		"SELECT 9007199254740993.001":                   "9007199254740993.001",
		"SELECT CAST(18446744073709551615 AS UNSIGNED)": "9223372036854775.807",
		"SELECT CAST(1.5 AS DECIMAL(65,30))":            "1.5",
		"SELECT -0.0":                                   "0",
		"SELECT CAST('99999999999999999999999999999999999.000000000000000000000000000001' AS DECIMAL(65,30))": "9223372036854775.807",
		"SELECT CAST(0.0001 AS DECIMAL(10,4))":      "0.001",
		"SELECT 0.1e0":                              "0.1",
		"SELECT 1e15":                               "1000000000000000",
		"SELECT CAST(0.1 AS FLOAT)":                 "0.1",
		"SELECT '42.5'":                             "42.5",
		"SELECT CAST('42' AS CHAR(10))":             "42",
		"SELECT JSON_EXTRACT('{\"n\": 5}', '$.n')":  "5",
		"SELECT true":                               "1",
		"SELECT CAST(b'110001' AS UNSIGNED)":        "49",
		"SELECT YEAR('2024-05-06')":                 "2024",
		"WITH w AS (SELECT 4 AS n) SELECT n FROM w": "4",
		"VALUES (6)":                                "6",
		"(SELECT 7)":                                "7",
		"/* a comment */ -- and another\n# and a third\nselect 8": "8",
		"SELECT max(id) FROM jobs;":                               "3",
		"SELECT COALESCE(max(id), 0) FROM jobs WHERE false":       "0",
	} {
		if got := s.read(t, query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

func (s *server) testAnswerThatIsNotOneNumberIsUnknown(t *testing.T) {
	s.admin("CREATE TABLE bits (flags BIT(8))", "INSERT INTO bits VALUES (b'110001')")
	for query, want := range map[string]string{
		"SELECT NULL":                          "the answer is NULL",
		"SELECT max(id) FROM jobs WHERE false": "the answer is NULL",
		"SELECT 1/0":                           "the answer is NULL",
		"SELECT id FROM jobs WHERE false":      "the query returned no row",
		"SELECT id FROM jobs":                  "the query returned several rows",
		"SELECT 1, 2":                          "the query returns 2 columns",
		"SELECT 1 INTO @x":                     "the query returns no row",
		"SELECT -1":                            "the answer is negative: -1",
		"SELECT 'many'":                        "the answer is not a number",
		"SELECT '5m'":                          "the answer is not a number",
		"SELECT ' 5'":                          "the answer is not a number",
		"SELECT ''":                            "the answer is not a number",
		"SELECT now()":                         "the answer is not a number",
		"SELECT CURRENT_DATE":                  "the answer is not a number",
		"SELECT TIME '00:00:05'":               "the answer is not a number",
		"SELECT flags FROM bits":               "the answer is a BIT",
		"SELECT id FROM nothing":               "Table 'shop.nothing' doesn't exist (error 1146)",
		"SELECT lost FROM jobs":                "Unknown column 'lost' in 'SELECT' (error 1054)",
		"SELECT FROM":                          "You have an error in your SQL syntax",
		"SELECT ?":                             "You have an error in your SQL syntax",
		"SELECT repeat('1', 2000000)":          "the answer is larger than 1 MiB",
		"SELECT repeat('1', 1000) FROM information_schema.COLUMNS": "the query returned several rows",
		"SELECT 1" + strings.Repeat(", 1", 1600):                   "the query returns 1601 columns",
	} {
		if got := s.read(t, query); !strings.HasPrefix(got, want) {
			t.Errorf("%.60s: got %s, want %s", query, got, want)
		}
	}
}

func (s *server) testQueryThatWritesIsRefusedByServer(t *testing.T) {
	s.admin("CREATE FUNCTION writes() RETURNS int BEGIN DELETE FROM jobs; RETURN 1; END", "CREATE SEQUENCE numbers",
		"CREATE PROCEDURE ends() BEGIN COMMIT; DELETE FROM jobs; SELECT 1; END")
	const refused = "Cannot execute statement in a READ ONLY transaction (error 1792)"
	for query, want := range map[string]string{
		"SELECT writes()":         refused,
		"SELECT NEXTVAL(numbers)": refused,
	} {
		if got := s.read(t, query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	// These are refused before they reach the server, which would refuse them, too.
	for _, query := range []string{"DELETE FROM jobs", "INSERT INTO jobs VALUES (4, '')", "UPDATE jobs SET id = 9", "REPLACE INTO jobs VALUES (4, '')"} {
		if got := s.execute(t, query); got != refused || checkQuery(query) == "" {
			t.Errorf("%s: got %s, want %s", query, got, refused)
		}
	}
	// MariaDB does not refuse these: they end the transaction first.
	for _, query := range []string{"CALL ends()", "BEGIN NOT ATOMIC COMMIT; DELETE FROM jobs; END", "COMMIT", "DROP TABLE jobs", "TRUNCATE jobs"} {
		if got, want := s.read(t, query), "the query begins with "; !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if got := s.queryValue(t.Context(), "SELECT concat(count(*), ' ', sum(id)) FROM jobs"); got != "3 6" {
		t.Errorf("the table has the count and the sum %s, want 3 6", got)
	}
}

// execute runs a statement in the transaction of a session, and returns the reason why it fails.
func (s *server) execute(t *testing.T, statement string) string {
	t.Helper()
	opened, err := connect(t.Context(), Config{Host: "127.0.0.1", Port: s.port(), Username: "reader", DBName: "shop", TLS: "false"},
		map[string]string{"password": password}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	one, ok := opened.(*session)
	if !ok {
		t.Fatalf("the session is a %T", opened)
	}
	if err := one.begin(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	if _, err = one.conn.ExecContext(t.Context(), statement, nil); err == nil {
		return "nothing"
	}
	return reason(one.sockets, err).Error()
}

func (s *server) testSeveralStatementsAreRefused(t *testing.T) {
	for _, query := range []string{"SELECT 1; SELECT 2", "SELECT 1; COMMIT; DELETE FROM jobs", "SELECT 1; BEGIN NOT ATOMIC COMMIT; DELETE FROM jobs; END"} {
		if got, want := s.read(t, query), "You have an error in your SQL syntax"; !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if got := s.queryValue(t.Context(), "SELECT count(*) FROM jobs"); got != "3" {
		t.Errorf("the table has %s rows, want 3", got)
	}
}
