#!/usr/bin/env bash
# client-go 0.37.2: a LeaseLock whose Create has failed takes the empty Lease of the failed answer for the Lease, and Update sends that.
#
# Expected: Update answers "lease not initialized, call get or create first", as its code says for a lock without a Lease.
# Actual: the client returns an empty Lease beside the error, and Create keeps it. Update then fails with "resource name may not be empty", which
# names neither the Lease nor the cause, such as a namespace that is being deleted. A leader whose Lease was deleted logs it at every renewal
# after the first.
# Workaround: wrap the lock, and send no Update after a failed Create until a Get has succeeded.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
go mod init example.com/finding 2>/dev/null
go get k8s.io/client-go@v0.37.2 2>/dev/null
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func main() {
	log.SetFlags(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("request:", r.Method, r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"the namespace is being terminated"}`)
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	lock := resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Namespace: "apps", Name: "leader"}, Client: client.CoordinationV1()}
	record := resourcelock.LeaderElectionRecord{HolderIdentity: "a", LeaseDurationSeconds: 15}
	fmt.Println("update before create:", lock.Update(context.Background(), record))
	fmt.Println("create:", lock.Create(context.Background(), record))
	after := lock.Update(context.Background(), record)
	fmt.Println("update after a failed create:", after)
	if after == nil || after.Error() != "resource name may not be empty" {
		log.Fatal("the behaviour has changed")
	}
}
GO
go mod tidy 2>/dev/null
go run .
