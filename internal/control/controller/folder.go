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
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers"
)

// pollInterval is the time between two checks of the files for changes.
const pollInterval = time.Second

// Folder reads ScaledObjects from a file or folder, and follows changes. If a file has a mistake, its last good version stays in
// effect, and the log says so. If a file is deleted from the folder, its objects are deleted. If the folder or the single file
// itself is missing or cannot be read, its objects stay.
type Folder struct {
	Path string
	// Namespace restricts the objects to one namespace; "" means all.
	Namespace string
	Kinds     []triggers.Kind
	States    *States
	Log       *slog.Logger

	listed atomic.Bool
	// lastGood holds the objects of the last good version of each file, and current each object as the controller has it.
	lastGood map[string][]*v1alpha1.ScaledObject
	current  map[string]*v1alpha1.ScaledObject
	// unread is the error of the last attempt to read, if it failed completely; otherwise "".
	unread string
}

// Run passes the objects to a controller, and again after each change, until ctx is done. It calls onListed each
// time after it has passed all objects.
func (f *Folder) Run(ctx context.Context, c *Controller, onListed func()) {
	f.listed.Store(false)
	f.lastGood, f.current = map[string][]*v1alpha1.ScaledObject{}, map[string]*v1alpha1.ScaledObject{}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	last, before := "", ""
	for {
		// A change is read once two checks in a row have seen it the same: a file may be only half written.
		now := f.fingerprint()
		if now != last && (last == "" || now == before) && f.load(ctx, c) {
			last = now
			onListed()
		}
		before = now
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Listed reports whether the objects have been passed to the controller since Run was called.
func (f *Folder) Listed() bool { return f.listed.Load() }

// fingerprint returns a text that changes when the list, mode, size or modification time of the files does.
func (f *Folder) fingerprint() string {
	var seen strings.Builder
	err := filepath.WalkDir(f.Path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != f.Path {
			return fs.SkipDir
		}
		// The files of a mounted ConfigMap are symbolic links that are switched, so the target of a link counts. An entry that
		// cannot be read must not hide the others.
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

// load reads all files and passes the objects to the controller. It returns false if it must be tried again, or if ctx is done.
func (f *Folder) load(ctx context.Context, c *Controller) bool {
	objects, problems, err := manifest.Load([]string{f.Path}, nil)
	if errors.Is(err, manifest.ErrNoFile) {
		f.Log.Warn("the folder has no files: nothing is scaled", "folder", f.Path)
		err = nil
	}
	unread, err := manifest.UnreadFiles(f.Path, err)
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
			f.Log.Warn("the last good version stays in effect", "file", file)
		}
	}
	f.lastGood = good
	if !f.sync(ctx, c) {
		return false
	}
	f.listed.Store(true)
	return true
}

// logUnread logs an error that affects all files, once until the error changes.
func (f *Folder) logUnread(err error) {
	if err.Error() != f.unread {
		f.unread = err.Error()
		f.Log.Warn("files cannot be read: their last good versions stay in effect", "error", err)
	}
}

// logProblems logs the problems, and returns the files with mistakes that invalidate an object.
func (f *Folder) logProblems(problems []diag.Error) map[string]bool {
	bad := map[string]bool{}
	for _, p := range problems {
		if p.Warning {
			f.Log.Info("file has a warning", "warning", p.Error())
			continue
		}
		if !compile.KeepsPaused(&p) {
			bad[p.File] = true
		}
		f.Log.Warn("file has a mistake", "error", p.Error())
	}
	return bad
}

// sync passes all objects to the controller, with generations that the API server would otherwise count. It returns false if ctx is done.
func (f *Folder) sync(ctx context.Context, c *Controller) bool {
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
	if ctx.Err() != nil {
		return false // The controller may not have applied them.
	}
	for key, so := range f.current {
		if of[key] != nil {
			continue
		}
		// If the object comes back, it starts with the count that its target has then.
		if err := f.States.Remove(so.Namespace, so.Name); err != nil {
			f.Log.Warn("stored status cannot be removed", "object", key, "error", err)
		}
	}
	f.current = of
	return true
}

// setStatus sets an object's status, which is stored or that of its previous version, and its generation.
func (f *Folder) setStatus(key string, so *v1alpha1.ScaledObject) {
	before := f.current[key]
	switch before {
	case so:
	case nil:
		status, err := f.States.Load(so.Namespace, so.Name)
		if err != nil {
			f.Log.Error("stored status of the object cannot be read: its memory is lost", "object", key, "error", err)
		}
		so.Status, so.Generation = status, status.ObservedGeneration+1
	default:
		so.Status, so.Generation = before.Status, before.Generation
		if !reflect.DeepEqual(before.Spec, so.Spec) {
			so.Generation++
		}
	}
}
