package nats

import (
	"cmp"
	"context"
	"errors"
	"net/url"

	"github.com/impulse-sh/impulse/triggers"
)

// place is the monitoring endpoint and the account in which consumers are read.
type place struct {
	base url.URL
	// account is the name or the key of the account.
	account string
}

// placeParameters returns the parameters of the authenticationRef that name the place. As in KEDA, they override the metadata.
func placeParameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "natsServerMonitoringEndpoint", Doc: "Instead of natsServerMonitoringEndpoint in the metadata, like the next two; without natsServerURL."},
		{Name: "account", Doc: "Account of the stream: its name or its key."},
		{Name: "accountID", Doc: "Key or name of the account, instead of account."},
	}
}

// place returns the current place.
func (c Config) place(ctx context.Context, secrets triggers.Secrets) (place, error) {
	var names []string
	for _, p := range placeParameters() {
		names = append(names, p.Name)
	}
	values, err := secrets.Read(ctx, names...)
	if err != nil {
		return place{}, err
	}
	c.NATSServerMonitoringEndpoint = cmp.Or(values["natsServerMonitoringEndpoint"], c.NATSServerMonitoringEndpoint)
	c.Account, c.AccountID = cmp.Or(values["account"], c.Account), cmp.Or(values["accountID"], c.AccountID)
	if c.NATSServerMonitoringEndpoint == "" {
		return place{}, errors.New("neither the metadata have natsServerURL or natsServerMonitoringEndpoint nor has the authenticationRef the latter")
	}
	if c.checkEndpoint() != nil {
		return place{}, errors.New("the parameter natsServerMonitoringEndpoint is not host:port, such as nats.messaging:8222")
	}
	base, err := url.Parse(c.endpoint())
	if err != nil { // The text could be a secret.
		return place{}, errors.New("the parameter natsServerMonitoringEndpoint is not host:port")
	}
	return place{*base, c.account()}, nil
}
