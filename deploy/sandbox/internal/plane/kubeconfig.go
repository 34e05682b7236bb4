package plane

import (
	"encoding/base64"
	"fmt"
	"os"
)

// writeKubeconfig writes a kubeconfig to path, for the API server at url and the client certificate client.
func writeKubeconfig(path, url string, a *authority, client pair) error {
	encoded := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: sandbox
clusters:
- name: sandbox
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: sandbox
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: sandbox
  context: {cluster: sandbox, user: sandbox}
`, url, encoded(a.pem), encoded(client.cert), encoded(client.key))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write a kubeconfig: %w", err)
	}
	return nil
}
