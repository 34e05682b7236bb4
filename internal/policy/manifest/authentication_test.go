package manifest

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers/builtin"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

func TestAuthentication(t *testing.T) {
	t.Run("a trigger that may not use its authentication gets a warning", testTriggerThatMayNotUseItsAuthenticationGetsWarning)
	t.Run("a TriggerAuthentication names no namespaces", testTriggerAuthenticationNamesNoNamespaces)
	t.Run("an identity that KEDA does not have is a mistake, in its objects and in Impulse's", testIdentityThatKEDADoesNotHaveIsMistake)
	t.Run("a trigger that cannot use the identity of its authentication gets a warning", testTriggerThatCannotUseIdentityGetsWarning)
	t.Run("a vault of KEDA is kept, with a note about a token that stays at home", testVaultOfKEDAIsKept)
	t.Run("the secret manager of a cloud provider needs the bridge, and what nobody could sign in to is a mistake", testVaultOfCloudNeedsBridge)
	t.Run("KEDA's ClusterTriggerAuthentication stays valid for all namespaces, with a note", testKEDAsClusterTriggerAuthenticationStaysValidForAllNamespacesWithNote)
}

// sharedAuthentication returns an object of a namespace, and the ClusterTriggerAuthentication that it names with this spec.
func sharedAuthentication(namespace, group, spec string) string {
	return fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: %s}
spec:
  scaleTargetRef: {name: web}
  triggers:
  - type: prometheus
    metadata: {serverAddress: "http://prometheus:9090", query: rps, threshold: 100, authModes: bearer}
    authenticationRef: {kind: ClusterTriggerAuthentication, name: prometheus}
---
apiVersion: %s/v1alpha1
kind: ClusterTriggerAuthentication
metadata: {name: prometheus}
spec:
  secretTargetRef: [{parameter: bearerToken, name: prometheus, key: token}]
  %s
`, namespace, group, spec)
}

func testTriggerThatMayNotUseItsAuthenticationGetsWarning(t *testing.T) {
	const (
		nobody = "warning: spec.allowedNamespaces: is empty: no namespace may use it (name those of its triggers, or \"*\" for all)"
		refuse = "warning: spec.triggers[0].authenticationRef: ClusterTriggerAuthentication /prometheus does not allow namespace shop: " +
			"the trigger will be unknown (add it to its spec.allowedNamespaces)"
	)
	for name, c := range map[string]struct {
		spec string
		want []string
	}{
		"nobody":         {"", []string{nobody, refuse}},
		"an empty list":  {"allowedNamespaces: []", []string{nobody, refuse}},
		"somebody else":  {"allowedNamespaces: [other]", []string{refuse}},
		"the namespace":  {"allowedNamespaces: [other, shop]", nil},
		"everybody":      {`allowedNamespaces: ["*"]`, nil},
		"hosts as well":  {"allowedNamespaces: [shop]\n  allowedHosts: [prometheus]", nil},
		"a misspelt key": {"allowedNamespace: [shop]", []string{nobody, refuse, `spec.allowedNamespace: unknown field (did you mean "allowedNamespaces"?)`}},
		"no list":        {"allowedNamespaces: shop", []string{nobody, refuse, `spec.allowedNamespaces: is "shop" (a list was expected)`}},
	} {
		got := report("a.yaml", sharedAuthentication("shop", "impulse.sh", c.spec))
		if strings.Count(got, "\n") != len(c.want) {
			t.Errorf("%s: %s", name, got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %swant %s", name, got, want)
			}
		}
	}
}

func testTriggerAuthenticationNamesNoNamespaces(t *testing.T) {
	got := report("a.yaml", "apiVersion: impulse.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: a}\nspec: {allowedNamespaces: [shop]}\n")
	if !strings.Contains(got, "spec.allowedNamespaces: unknown field") {
		t.Errorf("got %s", got)
	}
}

func testKEDAsClusterTriggerAuthenticationStaysValidForAllNamespacesWithNote(t *testing.T) {
	text := sharedAuthentication("shop", "keda.sh", "")
	if got := report("a.yaml", text); strings.Count(got, "\n") != 1 || !strings.Contains(got, "KEDA lets every namespace use it") {
		t.Errorf("got %s", got)
	}
	objects, _ := Parse("a.yaml", []byte(text))
	_, _ = Compile(objects, builtin.Kinds())
	content, err := objects[1].Rewrite()
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(content), "\n"); !strings.HasPrefix(first, "# spec.allowedNamespaces: KEDA lets every namespace use it") {
		t.Errorf("the note is %s", first)
	}
	var a v1alpha1.ClusterTriggerAuthentication
	if err := yaml.UnmarshalStrict(content, &a); err != nil {
		t.Fatal(err)
	}
	if got := a.Spec.AllowedNamespaces; a.APIVersion != "impulse.sh/v1alpha1" || len(got) != 1 || got[0] != "*" || len(a.Spec.SecretTargetRef) != 1 {
		t.Errorf("the converted object is\n%s", content)
	}
	if got := report("converted.yaml", string(content)); got != "" {
		t.Errorf("its conversion has mistakes: %s", got)
	}
}

// authentication returns a TriggerAuthentication with this spec.
func authentication(group, spec string) string {
	return "apiVersion: " + group + "/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: a}\nspec: " + spec + "\n"
}

func testIdentityThatKEDADoesNotHaveIsMistake(t *testing.T) {
	for identity, want := range map[string]string{
		"{provider: aws-kiam}": `spec.podIdentity.provider: "aws-kiam" is no provider of KEDA 2.21 (it is one of azure-workload, gcp, aws, aws-eks, none)`,
		"{}":                   "spec.podIdentity.provider: is missing (it is one of ",
		"{provider: aws, roleArn: a, identityOwner: workload}":   "spec.podIdentity.roleArn: is given with the identityOwner workload",
		"{provider: aws, identityOwner: me}":                     `spec.podIdentity.identityOwner: "me" is unknown`,
		"{provider: aws, externalID: a}":                         "spec.podIdentity.externalID: has no roleArn",
		"{provider: azure-workload, identityAuthorityHost: a}":   "spec.podIdentity.identityAuthorityHost: has no identityTenantId",
		"{provider: azure-workload, identityId: a}":              "",
		"{provider: aws, roleArn: a, externalID: b}":             "",
		"{provider: aws-eks}":                                    "",
		"{provider: gcp}":                                        "",
		"{provider: none}":                                       "",
		"{provider: aws, identityOwner: workload, awsRegion: x}": "spec.podIdentity.awsRegion: ",
	} {
		for _, group := range []string{"impulse.sh", "keda.sh"} {
			got := report("f", authentication(group, "{podIdentity: "+identity+"}"))
			if want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("%s %s: got %q, want %q", group, identity, got, want)
			}
		}
	}
}

func testTriggerThatCannotUseIdentityGetsWarning(t *testing.T) {
	text := func(identity string) string {
		return sharedAuthentication("shop", "impulse.sh", `allowedNamespaces: ["*"]`+"\n  podIdentity: {provider: "+identity+"}")
	}
	want := "warning: spec.triggers[0].authenticationRef: prometheus uses the podIdentity aws of its authentication only " +
		"through the KEDA bridge (" + bridgeaddr.Requirement + ", or use authModes or an access key of AWS, or let a proxy beside the server sign the requests)"
	if got := report("f", text("aws")); !strings.Contains(got, want) {
		t.Errorf("got %q, want %s", got, want)
	}
	if got := report("f", text("none")); got != "" {
		t.Errorf("without an identity: got %q, want nothing", got)
	}
}

func testVaultOfKEDAIsKept(t *testing.T) {
	const begin, end = "{hashiCorpVault: {address: 'https://vault:8200', authentication: ", ", mount: kubernetes, role: keda, secrets: [{parameter: p, path: secret/data/a, key: k}]}}"
	for vault, want := range map[string]string{
		"token, credential: {token: t}":                              "",
		"kubernetes, credential: {serviceAccountName: keda}":         "",
		"kubernetes, credential: {serviceAccount: /var/run/x/token}": "warning: spec.hashiCorpVault.credential.serviceAccount: is a file in the Pod of KEDA",
		"kubernetes": "warning: spec.hashiCorpVault.credential: names no service account",
	} {
		text := authentication("keda.sh", begin+vault+end)
		if got := report("f", text); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", vault, got, want)
		}
		objects, problems := Parse("f", []byte(text))
		if len(objects) != 1 || Failed(problems) {
			t.Errorf("%s: got %d objects and %v, want one", vault, len(objects), problems)
		}
	}
}

func testVaultOfCloudNeedsBridge(t *testing.T) {
	const (
		azure  = "{azureKeyVault: {vaultUri: 'https://a.vault.azure.net', secrets: [{parameter: p, name: n}], "
		google = "{gcpSecretManager: {secrets: [{parameter: p, id: n, version: '1'}], "
		aws    = "{awsSecretManager: {region: eu-west-1, secrets: [{parameter: p, name: n, versionStage: AWSCURRENT, secretKey: k}], "
		secret = "{valueFrom: {secretKeyRef: {name: a, key: b}}}"
	)
	for spec, want := range map[string]string{
		azure + "podIdentity: {provider: azure-workload, identityId: a}, cloud: {type: AzurePublicCloud}}}": "",
		azure + "credentials: {clientId: a, tenantId: b, clientSecret: " + secret + "}}}":                   "",
		google + "podIdentity: {provider: gcp}}}":                                                           "",
		google + "podIdentity: {provider: none}, credentials: {clientSecret: " + secret + "}}}":             "",
		aws + "podIdentity: {provider: aws, identityOwner: workload}}}":                                     "",
		aws + "credentials: {accessKey: " + secret + ", accessSecretKey: " + secret + "}}}":                 "",
		azure + "}}":                                 "spec.azureKeyVault: has neither credentials nor a podIdentity",
		aws + "podIdentity: {provider: none}}}":      "spec.awsSecretManager: has neither credentials nor a podIdentity",
		aws + "podIdentity: {provider: aws-eks}}}":   `spec.awsSecretManager.podIdentity.provider: "aws-eks" cannot sign in to this vault (it is one of aws, none)`,
		google + "podIdentity: {provider: google}}}": `spec.gcpSecretManager.podIdentity.provider: "google" is no provider of KEDA 2.21`,
		"{azureKeyVault: {vaultUri: 'https://a.vault.azure.net', podIdentity: {provider: azure-workload}}}": "spec.azureKeyVault.secrets: is empty",
	} {
		for _, group := range []string{"impulse.sh", "keda.sh"} {
			got := report("f", authentication(group, spec))
			if !strings.Contains(got, "is read through the KEDA bridge (start impulse-keda-bridge beside Impulse and set impulse run --keda-bridge)") {
				t.Errorf("%s %s: got %q, want what it needs", group, spec, got)
			}
			if want == "" && strings.Count(got, "\n") > 1 || !strings.Contains(got, want) {
				t.Errorf("%s %s: got %q, want %q", group, spec, got, want)
			}
		}
	}
	if got := report("f", authentication("keda.sh", "{awsSecretManager: ~}")); got != "" {
		t.Errorf("no vault: got %q, want nothing", got)
	}
}
