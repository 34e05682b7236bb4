#!/usr/bin/env bash
# Prometheus' client library 1.25.0 and Prometheus' own durations (common 0.73.1): a timeout of 1500ms is sent in a form that
# Prometheus refuses.
#
# The likely guess: WithTimeout takes a time.Duration, so any that is positive reaches the server as one.
# What happens: the client writes it as Go does, 1.5s, and Prometheus reads durations by a parser of its own, which knows no
# fractions but of whole seconds without a unit: 1s500ms and 1.5 are taken, 1.5s is an error. Below a second nothing is seen of it: 500ms is both.
# A query with such a timeout is answered with 400, each time.
# For whoever sends one: write model.Duration(d).String() into the request.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOFLAGS=-mod=mod
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.FormValue("timeout")
		_, err := model.ParseDuration(sent)
		fmt.Println(sent, err == nil)
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}`)
	}))
	defer server.Close()
	client, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		panic(err)
	}
	for _, d := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 1500 * time.Millisecond} {
		if _, _, _, err := v1.NewAPI(client).Query(context.Background(), "1", time.Now(), v1.WithTimeout(d)); err != nil {
			panic(err)
		}
	}
	_, err = model.ParseDuration(model.Duration(1500 * time.Millisecond).String())
	fmt.Println(model.Duration(1500*time.Millisecond), err == nil)
}
GO
go mod init example.test/timeout >/dev/null 2>&1
go get github.com/prometheus/client_golang@v1.25.0 github.com/prometheus/common@v0.73.1 >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = "500ms true
2s true
1.5s false
1s500ms true" ]
