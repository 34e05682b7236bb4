#!/usr/bin/env bash
# Go 1.26.8, net/http: a deadline with a cause ends a request with that cause over HTTP/1.1, and with context.DeadlineExceeded over HTTP/2.
#
# Expected: the error of a request whose context has ended wraps the error of that context, with either protocol: the server chooses the
# protocol, and callers recognise a timeout by errors.Is(err, context.DeadlineExceeded).
# Actual: over HTTP/1.1 the error wraps context.Cause(ctx) only, so it no longer is a DeadlineExceeded once the deadline has a cause; over HTTP/2
# it wraps ctx.Err(), and the cause is not in it. A program that was only tried with an HTTP/2 server stops to see timeouts behind an HTTP/1.1
# proxy.
# Workaround: give contexts of requests deadlines without causes, or ask the context, and not the error, what has happened.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOTOOLCHAIN=go1.26.8
go mod init example.com/finding 2>/dev/null
cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"
)

var errMoved = errors.New("the lease has moved")

// wait sends a request that is not answered before the deadline, and reports what its error is.
func wait(http2 bool) (timeout, cause bool) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/protocol" {
			fmt.Fprint(w, r.Proto)
			return
		}
		<-r.Context().Done()
	}))
	server.EnableHTTP2 = http2
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	answer, err := client.Get(server.URL + "/protocol") // The connection stands before the deadline counts.
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
	ctx, cancel := context.WithDeadlineCause(context.Background(), time.Now().Add(200*time.Millisecond), errMoved)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Do(request)
	timeout, cause = errors.Is(err, context.DeadlineExceeded), errors.Is(err, errMoved)
	fmt.Printf("%s: %v; DeadlineExceeded: %v, the cause: %v\n", answer.Proto, errors.Unwrap(err), timeout, cause)
	return timeout, cause
}

func main() {
	log.SetFlags(0)
	timeout1, cause1 := wait(false)
	timeout2, cause2 := wait(true)
	if timeout1 || !cause1 || !timeout2 || cause2 {
		log.Fatal("the behaviour has changed")
	}
}
GO
go run .
