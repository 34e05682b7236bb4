package controller

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers"
)

// pollInterval is how often files are looked at for changes.
const pollInterval = time.Second

// Folder reads ScaledObjects from a file or folder, and takes up changes. A file with a mistake keeps its last good
// version, and the log says so. A file that is deleted from a folder ends its objects, the last one as well; a folder or file
// that is gone as a whole, or cannot be read, keeps them.
type Folder struct {
	Path string
	// Namespace restricts the objects to one; "" takes all.
	Namespace string
	Kinds     []triggers.Kind
	States    *States
	Log       *slog.Logger

	listed atomic.Bool
	// lastGood are the objects of the last good version of each file; of holds each object as it was last handed on.
	lastGood map[string][]*v1alpha1.ScaledObject
	current  map[string]*v1alpha1.ScaledObject
	// unread is why nothing could be read at the last attempt; "" when it could.
	unread string
}

// Run keeps a controller up to date until ctx is done. known is called each time that all objects have been handed on.
func (f *Folder) Run(ctx context.Context, c *Controller, known func()) {
	f.lastGood, f.current = map[string][]*v1alpha1.ScaledObject{}, map[string]*v1alpha1.ScaledObject{}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	last, before := "", ""
	for {
		// What is being written is read when it has stood still for a look: half a file may hold half of the objects.
		now := f.fingerprint()
		if now != last && (last == "" || now == before) && f.load(ctx, c) {
			last = now
			known()
		}
		before = now
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Listed reports whether the objects are known.
func (f *Folder) Listed() bool { return f.listed.Load() }

// fingerprint is a text that differs when a file does.
func (f *Folder) fingerprint() string {
	var seen strings.Builder
	err := filepath.WalkDir(f.Path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != f.Path {
			return fs.SkipDir
		}
		// A mounted ConfigMap is a link that is switched: what counts is what it leads to. An entry that cannot be read must
		// not hide the others.
		info, err := os.Stat(path)
		if err != nil {
			fmt.Fprintln(&seen, err)
			return nil
		}
		fmt.Fprintln(&seen, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		fmt.Fprintln(&seen, err)
	}
	return seen.String()
}

// load reads everything and hands it on; false when that has to be tried again.
func (f *Folder) load(ctx context.Context, c *Controller) bool {
	objects, problems, err := manifest.Load([]string{f.Path}, nil)
	if errors.Is(err, manifest.ErrNoFile) {
		f.Log.Warn("the folder is empty: nothing is scaled", "folder", f.Path)
		err = nil
	}
	unread, err := manifest.Unread(f.Path, err)
	if err != nil {
		f.logUnread(err)
		return false
	}
	f.unread = ""
	compiled, more := manifest.Compile(objects, f.Kinds)
	bad := f.logProblems(slices.Concat(unread, problems, more))
	good := map[string][]*v1alpha1.ScaledObject{}
	for _, o := range compiled {
		good[o.File] = append(good[o.File], o.ScaledObject)
	}
	for file := range bad {
		if before, ok := f.lastGood[file]; ok {
			good[file] = before
			f.Log.Warn("last good version goes on", "file", file)
		}
	}
	f.lastGood = good
	f.sync(ctx, c)
	f.listed.Store(true)
	return true
}

// logUnread logs why nothing could be read: once, however often the same happens.
func (f *Folder) logUnread(err error) {
	if err.Error() != f.unread {
		f.unread = err.Error()
		f.Log.Warn("files not read: the last good versions go on", "error", err)
	}
}

// logProblems logs the problems, and returns the files that cannot be followed.
func (f *Folder) logProblems(problems []diag.Error) map[string]bool {
	bad := map[string]bool{}
	for _, p := range problems {
		if p.Warning {
			f.Log.Info("worth knowing", "problem", p.Error())
			continue
		}
		bad[p.File] = true
		f.Log.Warn("file has a mistake", "problem", p.Error())
	}
	return bad
}

// sync gives all objects to the controller. They have no API server that counts their versions.
func (f *Folder) sync(ctx context.Context, c *Controller) {
	var all []*v1alpha1.ScaledObject
	of := map[string]*v1alpha1.ScaledObject{}
	for _, objects := range f.lastGood {
		for _, so := range objects {
			key := so.Namespace + "/" + so.Name
			if of[key] != nil || f.Namespace != "" && f.Namespace != so.Namespace {
				continue
			}
			f.setStatus(key, so)
			of[key] = so
			all = append(all, so)
		}
	}
	c.Sync(ctx, all)
	for key, so := range f.current {
		if of[key] != nil {
			continue
		}
		// One that comes back begins anew, with the count that its target has then.
		if err := f.States.Remove(so.Namespace, so.Name); err != nil {
			f.Log.Warn("state not removed", "object", key, "error", err)
		}
	}
	f.current = of
}

// setStatus gives an object its status as it was stored, and counts its versions.
func (f *Folder) setStatus(key string, so *v1alpha1.ScaledObject) {
	before := f.current[key]
	switch before {
	case so:
	case nil:
		status, err := f.States.Load(so.Namespace, so.Name)
		if err != nil {
			f.Log.Error("state not read: what was remembered of the object is unknown", "object", key, "error", err)
		}
		so.Status, so.Generation = status, status.ObservedGeneration+1
	default:
		so.Status, so.Generation = before.Status, before.Generation
		if !reflect.DeepEqual(before.Spec, so.Spec) {
			so.Generation++
		}
	}
}
