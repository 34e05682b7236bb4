// Package simulate runs policies and other autoscalers on the same long load, on virtual time, and scores the results.
//
//	CSV, query_range ─▶ Load ─┬─▶ Run (scalers.Decide) ─▶ Track ─┐
//	                          ├─▶ HPA, KEDA, Constant  ─▶ Track ─┼─▶ Score ─▶ table, picture
//	                          └─▶ Oracle (the demand)  ─▶ Track ─┘
//
// A Load comes from outside and does not depend on the replicas; a Model says how much of it one replica can serve, and how long a new
// replica takes to become ready.
package simulate
