// Package redis has the six trigger kinds of Redis: redis, redis-cluster and redis-sentinel count the elements of a list, set, sorted set
// or hash; redis-streams, redis-cluster-streams and redis-sentinel-streams count the entries of a stream: all, those that are not delivered
// yet, or those that are not acknowledged. The kinds for a single server, a cluster and Sentinel differ only in how the
// server is found. The kinds only read: they create, change and consume nothing.
//
// A key is read once per pollingInterval. Triggers with the same servers, settings and credentials share connections. Those that count the
// same of the same key, with the same pollingInterval, share one reading, too.
package redis
