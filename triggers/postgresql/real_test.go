package postgresql

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

// read returns the level of a query as text, or the reason why it is unknown.
func (s *server) read(t *testing.T, query string) string {
	t.Helper()
	v, err := reading(t, environment(map[string]string{"password": password}), s.metadata("query", query))
	if err != nil {
		return strings.TrimPrefix(err.Error(), "query "+s.address+": ")
	}
	return v.String()
}

func (s *server) testOneNumberIsLevel(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT count(*) FROM jobs":                              "3",
		"SELECT 7::smallint":                                     "7",
		"SELECT 9007199254740993":                                "9007199254740993",
		"SELECT 9007199254740993.001::numeric":                   "9007199254740993.001",
		"SELECT 0.1::float8":                                     "0.1",
		"SELECT 0.1::float4":                                     "0.1",
		"SELECT 1e15::float8":                                    "1000000000000000",
		"SELECT 0.0001::numeric":                                 "0.001",
		"SELECT 1/3::numeric(200,190)":                           "0.334",
		"SELECT 10::numeric ^ 80":                                "9223372036854775.807",
		"SELECT 1.5::numeric(100,90)":                            "1.5",
		"SELECT '42.5'":                                          "42.5",
		"SELECT '42'::varchar":                                   "42",
		"SELECT to_json(5)":                                      "5",
		"WITH w AS (SELECT 4 AS n) SELECT n FROM w":              "4",
		"VALUES (6)":                                             "6",
		"TABLE jobs LIMIT 0":                                     "the query returns 2 columns: select one",
		"SELECT max(id) FROM jobs; ":                             "3",
		"SELECT -0.0::numeric":                                   "0",
		"SHOW max_connections":                                   "100",
		"SELECT coalesce(max(id), 0) FROM jobs WHERE false":      "0",
		"SELECT current_setting('transaction_read_only') || '1'": "the answer is not a number",
		"SELECT length(current_setting('application_name'))":     "7",
	} {
		if got := s.read(t, query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

func (s *server) testAnswerThatIsNotOneNumberIsUnknown(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT NULL":                          "the answer is NULL",
		"SELECT max(id) FROM jobs WHERE false": "the answer is NULL",
		"SELECT id FROM jobs WHERE false":      "the query returned no row",
		"SELECT id FROM jobs":                  "the query returned several rows",
		"SELECT 1, 2":                          "the query returns 2 columns",
		"SELECT":                               "the query returns no row",
		"SELECT FROM jobs":                     "the query returns no row",
		"COMMIT":                               "the query returns no row",
		"SELECT 'NaN'::numeric":                "the answer is NaN",
		"SELECT 'NaN'::float8":                 "the answer is NaN",
		"SELECT 'Infinity'::numeric":           "the answer is infinite",
		"SELECT '-Infinity'::float4":           "the answer is infinite",
		"SELECT -1":                            "the answer is negative: -1",
		"SELECT 'many'":                        "the answer is not a number",
		"SELECT '5m'":                          "the answer is not a number",
		"SELECT '5'::char(3)":                  "the answer is not a number",
		"SELECT ''":                            "the answer is not a number",
		"SELECT true":                          "the answer is not a number",
		"SELECT interval '5 s'":                "the answer is not a number",
		"SELECT 5::money":                      "the answer is not a number",
		"SELECT now()":                         "the answer is not a number",
		"SELECT $1":                            "the query has a parameter such as $1",
		"SELECT 1/0":                           "division by zero (SQLSTATE 22012)",
		"SELECT id FROM nothing":               `relation "nothing" does not exist (SQLSTATE 42P01)`,
		"SELECT lost FROM jobs":                `column "lost" does not exist (SQLSTATE 42703)`,
		"SELEC 1":                              `syntax error at or near "SELEC" (SQLSTATE 42601)`,
		"SELECT repeat('1', 2000000)":          "the answer is larger than 1 MiB",
		"SELECT 1 FROM generate_series(1, 9999) a, generate_series(1, 9999) b": "the query returned several rows",
		"SELECT 1" + strings.Repeat(", 1", 1600):                               "the query returns 1601 columns",
	} {
		if got := s.read(t, query); !strings.HasPrefix(got, want) {
			t.Errorf("%.60s: got %s, want %s", query, got, want)
		}
	}
}

func (s *server) testQueryThatWritesIsRefusedByServer(t *testing.T) {
	s.admin("shop", "CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'DELETE FROM jobs RETURNING id'")
	s.admin("shop", "CREATE FUNCTION opens() RETURNS int LANGUAGE plpgsql AS "+
		"$$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM jobs; RETURN 1; END $$")
	s.admin("shop", "CREATE PROCEDURE ends(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN COMMIT; DELETE FROM jobs; END $$")
	for query, want := range map[string]string{
		"DELETE FROM jobs RETURNING id":                                    "cannot execute DELETE in a read-only transaction (SQLSTATE 25006)",
		"UPDATE jobs SET id = 9 RETURNING id":                              "cannot execute UPDATE in a read-only transaction",
		"WITH d AS (DELETE FROM jobs RETURNING id) SELECT count(*) FROM d": "cannot execute SELECT in a read-only transaction",
		"EXPLAIN ANALYZE DELETE FROM jobs":                                 "cannot execute DELETE in a read-only transaction",
		"SELECT writes()":                                                  "cannot execute DELETE in a read-only transaction",
		"SELECT opens()":                                                   "transaction read-write mode must be set before any query",
		"SELECT set_config('transaction_read_only', 'off', false)":         "transaction read-write mode must be set before any query",
		"CALL ends(1)":                                                     "invalid transaction termination",
		"SELECT nextval('numbers')":                                        "cannot execute nextval() in a read-only transaction",
		"DELETE FROM jobs":                                                 "the query returns no row",
		"CREATE TABLE more (id int)":                                       "the query returns no row",
		"SET TRANSACTION READ WRITE":                                       "the query returns no row",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE":            "the query returns no row",
		"DO $$ BEGIN DELETE FROM jobs; END $$":                             "the query returns no row",
	} {
		if got := s.read(t, query); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if got := s.admin("shop", "SELECT count(*) || ' ' || sum(id) FROM jobs"); got != "3 6" {
		t.Errorf("the table has the count and the sum %s, want 3 6", got)
	}
}

func (s *server) testSeveralStatementsAreRefused(t *testing.T) {
	for _, query := range []string{
		"SELECT 1; SELECT 2", "COMMIT; DELETE FROM jobs", "SELECT 1; COMMIT; DELETE FROM jobs; SELECT 1", "ROLLBACK; BEGIN; DELETE FROM jobs; COMMIT",
	} {
		want := "cannot insert multiple commands into a prepared statement"
		if got := s.read(t, query); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if got := s.admin("shop", "SELECT count(*) FROM jobs"); got != "3" {
		t.Errorf("the table has %s rows, want 3", got)
	}
}
