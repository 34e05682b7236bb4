// Package triggers is the contract between the sources of events and the decision core. A trigger kind reads one type of source (an
// alert, a query, a queue, a schedule) and reports its level, a number such as "240 messages wait". Package scalers turns levels into
// replica counts.
//
// # The life of a trigger
//
//  1. Decode turns the metadata that a user wrote into a typed [Config]. It reports all mistakes at once and does no I/O.
//  2. Config.Trigger tells the core how to interpret the level: the target, the activation value, and whether it is a replica count.
//  3. Open builds a [Source] from the config and an [Env]. It does no I/O either.
//  4. Source.Run reports the level once at the start and again whenever it may have changed, until its context is done.
//
// # Writing a kind
//
// A kind is a folder below triggers with three parts: a config, a source, and an exported function Kind that declares both with
// [Define]. The struct tags of the config are the schema: decoding, the reference in docs and the JSON Schema all come from them.
//
//	type Config struct {
//		Address   string        `json:"address" required:"true" doc:"URL of the server."`
//		Threshold scalers.Milli `json:"threshold" doc:"The level that one replica should have."`
//	}
//
//	func Kind() triggers.Kind {
//		return triggers.Define("depth", "Messages that wait.", Config{Threshold: 1000}, open)
//	}
//
// There are three ways to build the source:
//
//   - A source that has to be polled implements [Reader], a single method that returns the level. [Poll] turns it into a Source. All
//     timers, deadlines, limits and retries are the Poller's.
//   - A source that reports changes by itself implements [Source]. Its kind sets Push.
//   - A trigger that receives messages over HTTP passes a [Listener] to [Listen]. Its kind sets Push, too.
//
// A failure is an [scalers.Event] with Err, never a level of 0: an unknown level lowers no replica count. [CheckComplete] finds fields
// that are missing from an answer, so that an absent number is not read as 0. Errors name the attempt and the problem;
// they appear in the status of the object and must not contain credentials.
//
// Run make generate to add the kind to package builtin and to the reference. triggertest.Conform is the test that every kind has to
// pass. Package cron is a short kind to read first, package prometheus one that polls.
package triggers
