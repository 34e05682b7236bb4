package cloudvault

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeclient"
)

// The vaults, by the fields of an authentication.
const (
	Azure  = "azureKeyVault"
	AWS    = "awsSecretManager"
	Google = "gcpSecretManager"
)

// maxAnswer bounds the size of an answer, in bytes: that of the largest secrets that a request may name.
const maxAnswer = 4 << 20

// Reader reads vaults.
type Reader struct {
	// Bridge is the address of impulse-keda-bridge; "" if there is none.
	Bridge string
	// Pool shares the connection to the bridge with the triggers.
	Pool *triggers.Pool
	// CheckHost returns an error for a host to which sources may not connect. If it is nil, all are allowed.
	CheckHost func(ctx context.Context, host string) error
}

// Read returns the values of all parameters of a request.
func (r *Reader) Read(ctx context.Context, request *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
	if r == nil || r.Bridge == "" {
		return nil, errors.New("it is read through the KEDA bridge: " + bridgeaddr.Requirement)
	}
	if err := r.checkServers(ctx, request); err != nil {
		return nil, err
	}
	conn, release, err := bridgeclient.Acquire(r.Pool, r.Bridge)
	if err != nil {
		return nil, err
	}
	defer release()
	request.Version = bridgeapi.Version_VERSION_CURRENT
	answer, err := bridgeapi.NewBridgeClient(conn).ReadSecrets(ctx, request, grpc.MaxCallRecvMsgSize(maxAnswer))
	if err != nil {
		return nil, bridgeclient.Reason(ctx, err)
	}
	if err := bridgeclient.CheckVersion(answer.GetVersion()); err != nil {
		return nil, err
	}
	for _, s := range request.GetSecrets() {
		if _, ok := answer.GetValues()[s.GetParameter()]; !ok {
			return nil, fmt.Errorf("parameter %s: the KEDA bridge gives no value", s.GetParameter())
		}
	}
	return answer.GetValues(), nil
}
