package credentials

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestEnvironment(t *testing.T) {
	t.Run("a variable has the value that the container gets", testVariableHasValueThatContainerGets)
	t.Run("a value that a running pod has is refused", testValueThatRunningPodHasIsRefused)
	t.Run("only objects that the variable needs are read", testOnlyObjectsThatVariableNeedsAreRead)
	t.Run("references cannot multiply a value without limit", testReferencesCannotMultiplyValueWithoutLimit)
	t.Run("a container that does not exist is named with those that do", testContainerThatDoesNotExistIsNamedWithThoseThatDo)
}

// objects are the Secrets and ConfigMaps of a namespace.
type objects map[objectRef]map[string]string

// data returns the data of an object.
func (o objects) data(ref objectRef) (map[string]string, error) {
	if o[ref] == nil {
		return nil, missingError(ref.String() + " does not exist")
	}
	return o[ref], nil
}

func fromSecret(name, secret, key string, optional bool) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key, Optional: &optional,
	}}}
}

func fromConfigMap(name, configMap, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: configMap}, Key: key,
	}}}
}

func allOf(prefix, secret string, optional bool) corev1.EnvFromSource {
	return corev1.EnvFromSource{Prefix: prefix, SecretRef: &corev1.SecretEnvSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Optional: &optional,
	}}
}

func testVariableHasValueThatContainerGets(t *testing.T) {
	o := objects{{true, "db"}: {"pw": "from the Secret", "HOST": "db.shop"}, {false, "settings"}: {"port": "5432"}, {true, "other"}: {"HOST": "other.shop"}}
	c := &container{
		env: []corev1.EnvVar{
			{Name: "A", Value: "$(B)"},
			{Name: "B", Value: "b"},
			{Name: "C", Value: "$(B)$(B)-$$(B)-$(NONE)-$(-$"},
			{Name: "D", Value: "first"},
			{Name: "D", Value: "$(D)+second"},
			{Name: "EMPTY"},
			fromSecret("PASSWORD", "db", "pw", false), fromConfigMap("PORT", "settings", "port"),
			{Name: "URL", Value: "tcp://$(X_HOST):$(PORT)"},
			fromSecret("MAYBE", "absent", "pw", true), fromSecret("LOST", "absent", "pw", false),
			fromSecret("NO_KEY", "db", "absent", false),
			{Name: "NEEDS_LOST", Value: "$(LOST)"},
			{Name: "DEFAULTED", Value: "default"},
			fromSecret("DEFAULTED", "db", "absent", true),
		},
		envFrom: []corev1.EnvFromSource{allOf("X_", "db", false), allOf("", "absent", true), allOf("X_", "other", false), allOf("B", "db", false)},
	}
	for name, want := range map[string]string{
		"A": "$(B)", "B": "b", "C": "bb-$(B)-$(NONE)-$(-$", "D": "first+second", "EMPTY": "", "PASSWORD": "from the Secret", "PORT": "5432", "URL": "tcp://other.shop:5432",
		"X_pw": "from the Secret", "DEFAULTED": "default",
		"MAYBE": "undefined", "NONE": "undefined", "X_": "undefined", "HOST": "undefined",
		"LOST": "error: environment variable LOST: secret absent does not exist", "NO_KEY": "error: environment variable NO_KEY: secret db has no key absent",
		"NEEDS_LOST": "error: environment variable LOST: secret absent does not exist",
	} {
		got, defined, err := c.variable(name, o.data)
		switch {
		case err != nil:
			got = "error: " + err.Error()
		case !defined:
			got = "undefined"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func testValueThatRunningPodHasIsRefused(t *testing.T) {
	c := &container{env: []corev1.EnvVar{{Name: "IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}}}}
	if got, _, err := c.variable("IP", objects{}.data); err == nil || !strings.Contains(err.Error(), "its value comes from a running pod") {
		t.Errorf("got %q, %v; want an error: no pod may run", got, err)
	}
}

func testOnlyObjectsThatVariableNeedsAreRead(t *testing.T) {
	o := objects{{true, "db"}: {"pw": "x"}}
	read := map[string]bool{}
	c := &container{
		env:     []corev1.EnvVar{fromSecret("PASSWORD", "db", "pw", false), fromSecret("TOKEN", "admin", "token", false), {Name: "HOST", Value: "db"}},
		envFrom: []corev1.EnvFromSource{allOf("", "everything", false)},
	}
	for _, name := range []string{"PASSWORD", "HOST"} {
		if _, _, err := c.variable(name, func(ref objectRef) (map[string]string, error) {
			read[ref.String()] = true
			return o.data(ref)
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if want := map[string]bool{"secret db": true}; !maps.Equal(read, want) {
		t.Errorf("read %v, want %v: permission for the others may be missing", read, want)
	}
}

func testReferencesCannotMultiplyValueWithoutLimit(t *testing.T) {
	c := &container{env: []corev1.EnvVar{{Name: "V", Value: strings.Repeat("x", 1000)}}}
	for range 40 {
		c.env = append(c.env, corev1.EnvVar{Name: "V", Value: strings.Repeat("$(V)", 100)})
	}
	if got, _, err := c.variable("V", objects{}.data); err == nil || !strings.Contains(err.Error(), "it has more than 1048576 bytes") {
		t.Errorf("got %d bytes, error %v; want an error", len(got), err)
	}
}

func testContainerThatDoesNotExistIsNamedWithThoseThatDo(t *testing.T) {
	two := &template{containers: []container{{name: "app"}, {name: "proxy"}}}
	if c, err := two.container(""); err != nil || c.name != "app" {
		t.Errorf("got %v, %v; want the first one", c, err)
	}
	if c, err := two.container("proxy"); err != nil || c.name != "proxy" {
		t.Errorf("got %v, %v; want proxy", c, err)
	}
	if _, err := two.container("ap"); err == nil || err.Error() != "it has no container ap: it has app, proxy" {
		t.Errorf("got %v", err)
	}
	if _, err := (&template{}).container(""); err == nil || err.Error() != "it has no pod template in spec.template" {
		t.Errorf("got %v", err)
	}
}
