package bridge

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/cloudvaults"
)

// maxVaults bounds the vaults that are read at a time, hung ones included.
const maxVaults = 100

// ReadSecrets reads one vault. It returns when ctx is done, although the library of the cloud may continue.
func (s *Server) ReadSecrets(ctx context.Context, r *bridgeapi.ReadSecretsRequest) (*bridgeapi.ReadSecretsResponse, error) {
	if err := checkVersion(r.GetVersion()); err != nil {
		return nil, err
	}
	read, ok := s.vaults[r.GetVault()]
	if !ok {
		return nil, status.Errorf(codes.Unimplemented, "the vault %q is unknown", r.GetVault())
	}
	select {
	case s.reading <- struct{}{}:
	default:
		return nil, status.Errorf(codes.ResourceExhausted, "the KEDA bridge reads %d vaults already", maxVaults)
	}
	ctx, cancel := context.WithTimeout(ctx, maxReading)
	defer cancel()
	type outcome struct {
		values map[string]string
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-s.reading }()
		values, err := guarded(ctx, read, r)
		done <- outcome{values, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return nil, withoutSecrets(o.err, r.GetCredentials())
		}
		return &bridgeapi.ReadSecretsResponse{Version: bridgeapi.Version_VERSION_CURRENT, Values: o.values}, nil
	case <-ctx.Done():
		return nil, status.Errorf(codes.DeadlineExceeded, "wait for the vault: %v", ctx.Err())
	}
}

// guarded reads a vault; a panic is an error.
func guarded(ctx context.Context, read cloudvaults.Read, r *bridgeapi.ReadSecretsRequest) (values map[string]string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &codeError{codes.Internal, fmt.Errorf("the library of the cloud panics: %v", cause)}
		}
	}()
	return read(ctx, r)
}
