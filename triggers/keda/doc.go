// Package keda has a trigger kind for each type of KEDA that has no kind of its own. impulse-keda-bridge reads them: a process beside
// Impulse that runs KEDA's scalers.
//
// A reading sends the whole trigger to the bridge, with its credentials, and gets the metrics with their targets and whether there is work.
// All triggers share one connection. The bridge keeps one scaler of KEDA per trigger.
package keda
