// Package simulate rehearses policies on long loads: each is let loose on the same load in a virtual world, beside what
// others would have done, and what came of it is counted.
//
//	CSV, query_range ─▶ Load ─┬─▶ Run (scalers.Decide) ─▶ Track ─┐
//	                          ├─▶ HPA, KEDA, Constant  ─▶ Track ─┼─▶ Score ─▶ table, picture
//	                          └─▶ Oracle (the demand)  ─▶ Track ─┘
//
// A Load is what comes from outside and does not depend on who serves it; a Model says what one replica can bear and how
// long a new one takes to be ready.
package simulate
