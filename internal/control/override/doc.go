// Package override has the changes of a ScaledObject by which a person takes over for some time: a pause, an exact count, a dry run, and their
// end. A change replaces all of an earlier pause, of Impulse's annotations and of KEDA's, so that what it states is what applies.
package override
