package triggers

import (
	"fmt"
	"runtime/debug"

	"github.com/impulse-sh/impulse/internal/workqueue"
)

// PanicError is a panic of a trigger's code, which is a defect of its kind.
type PanicError struct {
	Value any
	// Stack is the stack of the goroutine that panicked.
	Stack []byte
}

// Error returns the value of the panic.
func (e *PanicError) Error() string { return fmt.Sprintf("it panicked: %v", e.Value) }

// Recovered calls run and returns its error. A panic becomes a *PanicError: a defect in one kind of trigger does not stop the others.
func Recovered(run func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{value, debug.Stack()}
		}
	}()
	return run()
}

// NewItem returns an item of the Queue. A panic of run ends the trigger: see Panicked.
func (e *Env) NewItem(run func()) *workqueue.Item {
	return e.Queue.NewItem(func() {
		defer e.Recover()
		run()
	})
}

// Recover is to be deferred by a function of a passive source that something shared calls, such as the store of alerts. A panic of the function
// ends the trigger: see Panicked. Without Panicked it ends the process.
func (e *Env) Recover() {
	if e.Panicked == nil {
		return
	}
	if value := recover(); value != nil {
		e.Panicked(&PanicError{value, debug.Stack()})
	}
}
