#!/usr/bin/env bash
# Prometheus' client library 1.25.0 and Prometheus' own durations (common 0.73.1): a timeout of 1500ms is sent in a form that
# Prometheus refuses.
#
# Expected: WithTimeout accepts a time.Duration, so every positive duration is valid.
# Actual: the client sends Go's format, 1.5s. Prometheus's parser of durations accepts 1s500ms and 1.5, but not 1.5s, and the query fails with
# 400. Durations below a second, such as 500ms, have the same form in both formats and work.
# Workaround: set the parameter to model.Duration(d).String().
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
