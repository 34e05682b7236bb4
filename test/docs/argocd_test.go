package docs

import (
	"testing"

	"sigs.k8s.io/yaml"
)

func TestArgoCD(t *testing.T) {
	t.Run("the patch of argocd-cm has the scripts of the folder", testPatchHasScriptsOfFolder)
}

func testPatchHasScriptsOfFolder(t *testing.T) {
	const folder = "deploy/argocd/impulse.sh/ScaledObject/"
	var patch struct{ Data map[string]string }
	if err := yaml.Unmarshal([]byte(read(t, "deploy/argocd/argocd-cm.yaml")), &patch); err != nil {
		t.Fatal(err)
	}
	var actions struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name   string `json:"name"`
			Action string `json:"action.lua"`
		} `json:"definitions"`
	}
	if err := yaml.Unmarshal([]byte(patch.Data["resource.customizations.actions.impulse.sh_ScaledObject"]), &actions); err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{"health.lua": patch.Data["resource.customizations.health.impulse.sh_ScaledObject"], "actions/discovery.lua": actions.Discovery}
	for _, d := range actions.Definitions {
		scripts["actions/"+d.Name+"/action.lua"] = d.Action
	}
	if len(patch.Data) != 2 || len(scripts) != 6 {
		t.Errorf("got %d keys and %d scripts, want 2 and 6", len(patch.Data), len(scripts))
	}
	for name, script := range scripts {
		if script != read(t, folder+name) {
			t.Errorf("argocd-cm.yaml has another script than %s", name)
		}
	}
}
