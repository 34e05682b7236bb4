// Package loglimit limits log lines that any request can cause: the first one is logged at once, and then one an hour while they recur.
package loglimit
