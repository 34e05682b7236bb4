package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/impulse-sh/impulse/triggers"
)

// The logins that only KEDA's scalers have, by their names in KEDA.
const (
	mechanismKerberos = "gssapi"
	mechanismAWS      = "aws_msk_iam"
	providerAWS       = "aws_msk_iam"
)

// Bridged is the part of the metadata that only the KEDA bridge uses.
type Bridged struct {
	AWSRegion     string `json:"awsRegion" doc:"Region of an Amazon MSK cluster, with aws_msk_iam. It is used only through the KEDA bridge."`
	IdentityOwner string `json:"identityOwner" doc:"With aws_msk_iam and without a podIdentity: pod for the credentials of the authenticationRef, or operator for the identity that the bridge has in AWS. It is used only through the KEDA bridge."`
}

// bridgedParameters returns the parameters of the authenticationRef that only the KEDA bridge uses, for both kinds.
func bridgedParameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "awsRoleArn", Doc: "The role that is assumed, with aws_msk_iam, through the KEDA bridge."},
		{Name: "awsAccessKeyID", Doc: "An access key of AWS, with aws_msk_iam, through the KEDA bridge."},
		{Name: "awsAccessKeyId", Doc: "Another spelling of awsAccessKeyID."},
		{Name: "awsSecretAccessKey", Doc: "The secret key of the access key."},
		{Name: "awsSessionToken", Doc: "The session token, if the access key is a temporary one."},
	}
}

// kerberosParameters returns those for gssapi.
func kerberosParameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "realm", Doc: "Realm of the user, with gssapi, through the KEDA bridge, like the next five."},
		{Name: "kerberosConfig", Doc: "The content of krb5.conf."},
		{Name: "keytab", Doc: "The content of the keytab of the user, instead of password."},
		{Name: "ccacheName", Doc: "The name of a credential cache below /tmp/kerberos/ccache of the bridge, instead of password."},
		{Name: "kerberosServiceName", Doc: "Name of the service of the brokers; kafka without it."},
		{Name: "kerberosDisableFAST", Doc: "true for a server of Kerberos that does not have FAST."},
	}
}

// limits returns why the KEDA bridge has to read a trigger: only KEDA's scalers log in with Kerberos and with an identity of AWS. They
// ignore a podIdentity otherwise.
func limits(c triggers.Config, l triggers.Login) triggers.Limit {
	typed, ok := c.(config)
	if !ok {
		return triggers.Limit{}
	}
	s := typed.settings()
	mechanism := cmp.Or(s.server.SASL, l.Parameters["sasl"])
	provider := cmp.Or(s.provider, l.Parameters["saslTokenProvider"])
	switch {
	case slices.Contains(s.mechanisms.bridged, mechanism):
		return limit("sasl", mechanism, s.server.SASL)
	case mechanism == mechanismToken && provider == providerAWS:
		return limit("saslTokenProvider", provider, s.provider)
	}
	return triggers.Limit{}
}

// limit returns the limit for the value of a parameter. inMetadata is the value that the metadata have.
func limit(parameter, value, inMetadata string) triggers.Limit {
	l := triggers.Limit{Feature: parameter + " " + value, Instead: "log in with plaintext, scram_sha256 or scram_sha512"}
	if inMetadata != "" {
		l.Field = parameter
	}
	return l
}

// check returns all mistakes. aws is true if the metadata ask for an identity of AWS.
func (b Bridged) check(aws bool) error {
	var all []error
	if aws && b.AWSRegion == "" {
		all = append(all, invalid("awsRegion", "is missing", "aws_msk_iam needs the region of the cluster"))
	}
	if !slices.Contains([]string{"", "pod", "operator"}, b.IdentityOwner) {
		all = append(all, invalid("identityOwner", fmt.Sprintf("%q is neither pod nor operator", b.IdentityOwner), ""))
	}
	return errors.Join(all...)
}
