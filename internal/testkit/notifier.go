package testkit

// Notifier wakes its owner, which receives from it. It has room for one notification, so that Notify never blocks.
type Notifier chan struct{}

// NewNotifier returns a Notifier without a notification.
func NewNotifier() Notifier { return make(Notifier, 1) }

// Notify wakes the owner, now or when it receives next.
func (n Notifier) Notify() {
	select {
	case n <- struct{}{}:
	default:
	}
}
