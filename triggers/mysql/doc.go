// Package mysql is the trigger kind mysql: its level is the number that a query to a MySQL or MariaDB database returns.
//
// The query runs once per pollingInterval, in a read-only transaction. Triggers with the same server, settings and credentials share
// at most four connections.
package mysql
