#!/usr/bin/env bash
# k8s.io/apimachinery 0.37.2, pkg/util/runtime: HandleErrorWithContext on the virtual time of testing/synctest sleeps for 26 years or more.
#
# Expected: it sleeps for one millisecond at most. Its comments say that it limits errors to one a millisecond, and that it does nothing "if
# the time moves backwards".
# Actual: it sleeps for a millisecond less the time since the last error of the process, which is a package variable. The variable begins with
# the real time, and virtual time begins with the year 2000, so the time since is negative, and the first error of a bubble sleeps until today's
# date. An error at an earlier time of a second bubble sleeps for the difference. A reflector of client-go reports its errors so: a test of what
# a program does in an outage sees that it does nothing for years, or, if its errors are rare, fails only now and then.
# Workaround: on virtual time, log errors without HandleErrorWithContext, or first set its ErrorHandlers to those without a sleep.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOTOOLCHAIN=go1.26.8
go mod init example.com/finding 2>/dev/null
go get k8s.io/apimachinery@v0.37.2 2>/dev/null
cat >finding_test.go <<'GO'
package finding

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/util/runtime"
)

func TestHandleError(t *testing.T) {
	sleepAfter := func(d time.Duration) (slept time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(d)
			start := time.Now()
			runtime.HandleErrorWithContext(t.Context(), errors.New("the API server cannot be reached"), "failed")
			slept = time.Since(start)
		})
		return slept
	}
	first := sleepAfter(time.Hour)
	t.Logf("an error after an hour of the first bubble: sleeps %.1f years", first.Hours()/24/365)
	second := sleepAfter(0)
	t.Logf("an error at the start of the second bubble: sleeps %v", second)
	if first < 26*365*24*time.Hour || second < time.Hour {
		t.Fatal("the behaviour has changed")
	}
}
GO
go mod tidy 2>/dev/null
go test -v . 2>&1
