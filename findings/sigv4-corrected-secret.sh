#!/usr/bin/env bash
# github.com/aws/aws-sdk-go-v2 v1.47.0, aws/signer/v4: a Signer goes on signing with the first secret that it saw for an access key ID, after
# it is given another one.
#
# Expected: SignHTTP takes the credentials as an argument, so each signature is made with the secret of that call.
# Actual: the Signer keeps the key that it derives from the secret for the access key ID, the region and the service until the day (in UTC)
# ends. A secret that was wrong at first, such as one with a line break at its end, is used for the rest of the day once it is corrected. A
# new Signer signs correctly at once.
# Consequence: AWS answers 403 for hours after an operator has corrected the Secret, although the program reads it for each request.
# Workaround: make a new Signer whenever the secret changes, or for each request; deriving a key takes five HMACs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/aws/aws-sdk-go-v2 v1.47.0
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// noBody is the SHA-256 of an empty body.
const noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func sign(s *v4.Signer, secret string, at time.Time) string {
	r, err := http.NewRequest(http.MethodGet, "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws/api/v1/query", nil)
	if err != nil {
		panic(err)
	}
	key := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}
	if err := s.SignHTTP(context.Background(), key, r, noBody, "aps", "eu-west-1", at); err != nil {
		panic(err)
	}
	return r.Header.Get("Authorization")
}

func main() {
	reused := v4.NewSigner()
	wrong := sign(reused, "example\n", noon)
	evening, nextDay := noon.Add(11*time.Hour), noon.Add(13*time.Hour)
	fmt.Println("the corrected secret changes the signature:", sign(reused, "example", noon) != wrong)
	fmt.Println("11 hours later it is that of a new signer:", sign(reused, "example", evening) == sign(v4.NewSigner(), "example", evening))
	fmt.Println("on the next day it is that of a new signer:", sign(reused, "example", nextDay) == sign(v4.NewSigner(), "example", nextDay))
}
GO
go mod tidy >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = 'the corrected secret changes the signature: false
11 hours later it is that of a new signer: false
on the next day it is that of a new signer: true' ]
