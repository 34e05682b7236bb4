package app

import (
	"context"
	"errors"

	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/ingest/httpserver"
)

// liveObjects shows the objects of this process while it leads. It implements httpserver.Live.
type liveObjects struct{ *process }

// errNotListed is returned until this process has read the objects.
var errNotListed = errors.New("the ScaledObjects have not been read yet")

// listed returns the view of all objects. There is none while they are not known, as a list would lack some.
func (l liveObjects) listed() (*live.View, error) {
	if view := l.view.Load(); view != nil && l.objects.Listed() {
		return view, nil
	}
	return nil, errNotListed
}

// List implements httpserver.Live.
func (l liveObjects) List(namespaces []string) ([]byte, error) {
	view, err := l.listed()
	if err != nil {
		return nil, err
	}
	return view.List(namespaces)
}

// Object implements httpserver.Live.
func (l liveObjects) Object(namespace, name string) ([]byte, error) {
	view, err := l.listed()
	if err != nil {
		return nil, err
	}
	text, err := view.Object(namespace, name)
	return text, httpError(err)
}

// Watch implements httpserver.Live.
func (l liveObjects) Watch(ctx context.Context, q httpserver.LiveQuery, send func(event string, data []byte) error) error {
	view, err := l.listed()
	switch {
	case err != nil:
		return err
	case q.Name == "":
		return view.WatchList(ctx, q.Namespaces, send)
	default:
		return httpError(view.WatchObject(ctx, q.Namespace, q.Name, send))
	}
}

// httpError returns the error of package httpserver for one of package live.
func httpError(err error) error {
	if errors.Is(err, live.ErrNotFound) {
		return httpserver.ErrNoObject
	}
	return err
}
