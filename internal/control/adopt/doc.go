// Package adopt moves a workload from a HorizontalPodAutoscaler, or from one of KEDA's ScaledObjects, to Impulse. There is no moment in
// which both scale, because Impulse writes nothing while an HPA scales the target, and none in which neither could: Impulse has decided
// on a count before the HPA goes, and scales when its watch reports that.
package adopt
