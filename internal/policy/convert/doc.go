// Package convert converts HorizontalPodAutoscalers and KEDA's ScaledObjects to ScaledObjects that scale in the same way, with the
// defaults of the original written out. It notes every difference that is left.
//
// An object with a behavior and at least one replica asks for the same counts as its original while all readings are known, the count
// is within the limits and every replica is ready: at each sync of the original, if its windows and periods are multiples of 15 s.
package convert
