// Package kedawatch scales by KEDA's objects. For each of them it keeps an object of Impulse with the same name, which package manifest
// converts from it, and which all other parts treat like any other. The new object is owned by the original, so that the API server
// deletes it with the original. KEDA's status gets the conditions that KEDA writes.
//
// A version that cannot be converted changes nothing: the object of the last good version stays in effect, and the status says so. Nothing
// is written while KEDA's own operator runs, or when nothing changed.
package kedawatch
