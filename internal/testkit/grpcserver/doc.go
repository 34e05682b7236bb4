// Package grpcserver serves gRPC for tests. It is not part of testkit, so that only the tests that need gRPC link it.
package grpcserver
