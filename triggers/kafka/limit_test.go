package kafka

import (
	"maps"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
)

func TestLimits(t *testing.T) {
	t.Run("the KEDA bridge reads a trigger if its metadata or its authentication ask for Kerberos or for AWS", testBridgeReadsKerberosAndAWS)
	t.Run("a podIdentity alone does not matter, as in KEDA", testPodIdentityAloneDoesNotMatter)
	t.Run("KEDA's parameters of these logins are known", testParametersOfTheseLoginsAreKnown)
}

// pairs returns a map of texts such as "a=b c=d".
func pairs(text string) map[string]string {
	all := map[string]string{}
	for pair := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(pair, "=")
		all[key] = value
	}
	return all
}

// limitOf returns the limit of a trigger with these metadata and parameters of an authentication.
func limitOf(t *testing.T, kind, metadata, parameters string) triggers.Limit {
	t.Helper()
	all := pairs(metadata)
	maps.Copy(all, map[string]string{"bootstrapServers": "a:1", "consumerGroup": "g"})
	decoded, err := kindOf(kind).Decode(all)
	if err != nil {
		t.Fatal(err)
	}
	return kindOf(kind).Limit(decoded, triggers.Login{Parameters: pairs(parameters), Identity: triggers.PodIdentity{Provider: "aws"}})
}

func testBridgeReadsKerberosAndAWS(t *testing.T) {
	for _, c := range []struct{ kind, metadata, parameters, feature, field string }{
		{"kafka", "sasl=gssapi", "", "sasl gssapi", "sasl"},
		{"kafka", "", "sasl=gssapi", "sasl gssapi", ""},
		{"kafka", "sasl=oauthbearer saslTokenProvider=aws_msk_iam awsRegion=eu-west-1", "", "saslTokenProvider aws_msk_iam", "saslTokenProvider"},
		{"kafka", "sasl=oauthbearer awsRegion=eu-west-1", "saslTokenProvider=aws_msk_iam", "saslTokenProvider aws_msk_iam", ""},
		{"apache-kafka", "sasl=aws_msk_iam awsRegion=eu-west-1", "", "sasl aws_msk_iam", "sasl"},
		{"apache-kafka", "awsRegion=eu-west-1", "sasl=aws_msk_iam", "sasl aws_msk_iam", ""},
	} {
		if got := limitOf(t, c.kind, c.metadata, c.parameters); got.Feature != c.feature || got.Field != c.field || got.Instead == "" {
			t.Errorf("%s, metadata %q, parameters %q: got %+v, want %q of the field %q", c.kind, c.metadata, c.parameters, got, c.feature, c.field)
		}
	}
}

func testPodIdentityAloneDoesNotMatter(t *testing.T) {
	for _, c := range []struct{ kind, metadata, parameters string }{
		{"kafka", "", ""},
		{"kafka", "sasl=plaintext", "sasl=gssapi"}, // The metadata take precedence.
		{"kafka", "sasl=oauthbearer", "saslTokenProvider=bearer"},
		{"kafka", "sasl=scram_sha512 saslTokenProvider=aws_msk_iam", ""},
		{"apache-kafka", "", "sasl=scram_sha256"},
	} {
		if got := limitOf(t, c.kind, c.metadata, c.parameters); got != (triggers.Limit{}) {
			t.Errorf("%s, metadata %q, parameters %q: got %+v, want none", c.kind, c.metadata, c.parameters, got)
		}
	}
}

func testParametersOfTheseLoginsAreKnown(t *testing.T) {
	aws := "awsRoleArn awsAccessKeyID awsAccessKeyId awsSecretAccessKey awsSessionToken"
	for kind, parameters := range map[string]string{
		"kafka": "keytab ccacheName realm kerberosConfig kerberosServiceName kerberosDisableFAST " + aws, "apache-kafka": aws,
	} {
		known := map[string]bool{}
		for _, p := range kindOf(kind).Auth {
			known[p.Name] = true
		}
		for name := range strings.FieldsSeq(parameters) {
			if !known[name] {
				t.Errorf("%s does not have the parameter %s, want it", kind, name)
			}
		}
	}
}
