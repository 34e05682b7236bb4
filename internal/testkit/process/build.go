package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// builtVariable names a folder with commands of this repository that are built already; `make demo` and test/with-sandbox set it.
const builtVariable = "IMPULSE_BUILT"

// Build puts a command of this repository into dir and returns its path: a link to the one in the folder of IMPULSE_BUILT, or
// else one that it compiles, without debug information and without main.version. module is the folder of the module that the package is in.
func Build(ctx context.Context, dir, name, module, pkg string) (string, error) {
	binary := filepath.Join(dir, name)
	if folder := os.Getenv(builtVariable); folder != "" {
		built, err := filepath.Abs(filepath.Join(folder, name))
		if err != nil {
			return "", fmt.Errorf("find %s: %w", name, err)
		}
		if _, err := os.Stat(built); err == nil {
			if err := os.Symlink(built, binary); err != nil {
				return "", fmt.Errorf("link %s: %w", name, err)
			}
			return binary, nil
		}
	}
	cmd := exec.CommandContext(ctx, "go", "-C", module, "build", "-tags", "grpcnotrace", "-trimpath", "-ldflags", "-s -w", "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return binary, nil
}
