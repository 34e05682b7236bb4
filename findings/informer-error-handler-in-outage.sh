#!/usr/bin/env bash
# k8s.io/client-go 0.37.2, tools/cache: an informer does not call its watch error handler while the API server refuses connections or answers 429.
#
# Expected: the handler of SetWatchErrorHandlerWithContext is "intended for visibility", and is called whenever the connection is dropped with an
# error. Programs log in it that they no longer see changes, or end when it is called for the first time: an API server that is down is the
# usual reason for both.
# Actual: a watch that is refused (connection refused, or 429) is repeated within the reflector with growing pauses, and a log line at level 4 or
# 2. That does not count as a dropped connection, so the handler is not called, at the start or later, however long it lasts. Of the same watch that
# ends with a status code 500, the handler hears.
# Workaround: wrap the ListerWatcher, and note the errors of its WatchWithContext and ListWithContext.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOTOOLCHAIN=go1.26.8
go mod init example.com/finding 2>/dev/null
go get k8s.io/client-go@v0.37.2 2>/dev/null
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// connections counts what is sent: a dialer to an API server that may refuse connections.
type connections struct{ n atomic.Int64 }

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.n.Add(1)
	return new(net.Dialer).DialContext(ctx, network, address)
}

// handled runs an informer of an API server for ten seconds, and returns how often it has tried, and how often its error handler was called.
func handled(host string) (tries, calls int64) {
	var dialed connections
	client, err := metadata.NewForConfig(&rest.Config{Host: host, Dial: dialed.dial})
	if err != nil {
		log.Fatal(err)
	}
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	informer := metadatainformer.NewSharedInformerFactory(client, 0).ForResource(pods).Informer()
	var called atomic.Int64
	if err := informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) { called.Add(1) }); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	informer.RunWithContext(ctx)
	return dialed.n.Load(), called.Load()
}

func serve(code int) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // Each request is a connection, which is counted.
		w.WriteHeader(code)
	}))
	return "http://" + l.Addr().String()
}

func main() {
	log.SetFlags(0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	l.Close() // Nobody listens there any more.
	changed := false
	for _, c := range []struct {
		what, host string
		called     bool
	}{{"connections are refused", "http://" + l.Addr().String(), false}, {"429", serve(429), false}, {"500", serve(500), true}} {
		tries, calls := handled(c.host)
		fmt.Printf("%s: %d requests, the handler was called %d times\n", c.what, tries, calls)
		changed = changed || tries < 3 || calls > 0 != c.called
	}
	if changed {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}
GO
go mod tidy 2>/dev/null
go run . 2>/dev/null
