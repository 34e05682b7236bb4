package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// watcher observes every Deployment through one watch, as any client would, and reports when an awaited count arrived.
type watcher struct {
	mu      sync.Mutex
	waiting map[string]want
	done    chan struct{}
}

type want struct {
	replicas int32
	seen     chan time.Time
}

// watch opens the watch, which ends when ctx is done. A watch that the server ends is resumed.
func (w *env) watch(ctx context.Context) (*watcher, error) {
	deployments := w.kube.AppsV1().Deployments(metav1.NamespaceAll)
	list, err := deployments.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("list Deployments: %w", err)
	}
	stream, err := watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return deployments.Watch(ctx, o)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watch Deployments: %w", err)
	}
	v := &watcher{waiting: map[string]want{}, done: make(chan struct{})}
	go func() {
		defer close(v.done)
		defer stream.Stop()
		for e := range stream.ResultChan() {
			if d, ok := e.Object.(*appsv1.Deployment); ok {
				v.saw(d.Namespace+"/"+d.Name, *d.Spec.Replicas, time.Now())
			}
		}
	}()
	return v, nil
}

// claim makes busy return true for a Deployment for which expect will be called later.
func (v *watcher) claim(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting[key] = want{replicas: -1}
}

// expect returns a channel that receives the time at which the Deployment was observed with n replicas. A Deployment has one
// waiter at a time.
func (v *watcher) expect(key string, n int32) <-chan time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := make(chan time.Time, 1)
	v.waiting[key] = want{n, seen}
	return seen
}

func (v *watcher) saw(key string, n int32, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if w, ok := v.waiting[key]; ok && w.replicas == n {
		delete(v.waiting, key)
		w.seen <- at
	}
}

// busy reports whether the Deployment has a waiter.
func (v *watcher) busy(key string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.waiting[key]
	return ok
}
