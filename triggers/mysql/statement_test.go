package mysql

import (
	"strings"
	"testing"
)

func TestCheckQuery(t *testing.T) {
	t.Run("only a query that cannot end the transaction is accepted", testOnlyQueryThatCannotEndTransactionIsAccepted)
}

func testOnlyQueryThatCannotEndTransactionIsAccepted(t *testing.T) {
	for _, query := range []string{
		"SELECT 1", "select 1", "\n\t SELECT(1)", "((SELECT 1))", "WITH a AS (SELECT 1) SELECT * FROM a", "VALUES (1)", "TABLE t", "SHOW STATUS",
		"/* DROP */SELECT 1", "/**/ /*x*/ SELECT 1", "-- a\nSELECT 1", "# a\n# b\n(SELECT 1)",
	} {
		if problem := checkQuery(query); problem != "" {
			t.Errorf("%q: got %q, want that it is accepted", query, problem)
		}
	}
	for _, query := range []string{
		"DELETE FROM t", "CALL p()", "BEGIN NOT ATOMIC COMMIT; END", "COMMIT", "DO 1", "SET x = 1", "ANALYZE DELETE FROM t", "EXPLAIN SELECT 1", "SELECTED 1",
		"/*! DROP TABLE t */", "/*!SELECT*/ 1", "/*M! DROP TABLE t */ SELECT 1", "/*!50000 DROP TABLE t */ SELECT 1", "'SELECT'", "`SELECT`", "1", ";SELECT 1",
		"-- SELECT 1\nDROP TABLE t", "/* SELECT */ DROP TABLE t", "# \x00CREATE TABLE t\nSELECT 1", "SELECT_1", "-SELECT 1",
	} {
		if checkQuery(query) == "" {
			t.Errorf("%q: got no problem, want one", query)
		}
	}
}

// FuzzCheckQuery: a query that is accepted has one of the words before any other, outside of comments.
func FuzzCheckQuery(f *testing.F) {
	for _, query := range []string{"SELECT 1", "/* x */SELECT", "/*!DROP*/", "-- \nSELECT", "#", "/*", "((", "\x00"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if checkQuery(query) != "" {
			return
		}
		if strings.HasPrefix(strings.TrimLeft(query, "( \t\r\n"), "/*!") || strings.ContainsRune(query, 0) {
			t.Errorf("%q is accepted", query)
		}
		if problem := checkQuery("DROP " + query); problem == "" {
			t.Errorf("DROP before %q is accepted", query)
		}
	})
}
