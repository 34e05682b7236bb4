// Package replicas computes levels from metrics whose targets come with them, as they do from KEDA's scalers. The level is then the number
// of replicas that the metrics ask for.
package replicas
