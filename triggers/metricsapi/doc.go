// Package metricsapi is the trigger kind metrics-api: its level is a number in the answer of an HTTP server, or the average, sum, maximum
// or minimum of that number over the pods of a Service.
//
// The server is asked once per pollingInterval. Triggers with the same parameters, credentials and pollingInterval share one reading.
package metricsapi
