package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// impulseBuild is an impulse that is measured.
type impulseBuild struct {
	// name is thisBuild or baseBuild.
	name, binary string
}

// thisBuild is the build of the working tree, and baseBuild that of the revision that it is compared with.
const thisBuild, baseBuild = "this", "base"

// debugSource is compiled into each measured impulse: it serves profiles, and the memory after a garbage collection, if the benchmarks ask
// for it with debugVariable. Impulse itself has no such server.
//
//go:embed debug.go.txt
var debugSource []byte

// The environment of a measured impulse: the address at which it serves profiles, and whether it records those of mutexes.
const debugVariable, mutexVariable = "IMPULSE_BENCH_DEBUG", "IMPULSE_BENCH_MUTEX"

// builds compiles impulse, and that of the base revision first if there is one. The working directory is the root of the repository.
func builds(ctx context.Context, dir, base string) ([]impulseBuild, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	var all []impulseBuild
	if base != "" {
		fmt.Printf("• compiling impulse of %s\n", base)
		source := filepath.Join(dir, "base-source")
		if err := checkOut(ctx, base, source); err != nil {
			return nil, err
		}
		binary, err := compile(ctx, source, filepath.Join(dir, "impulse-base"))
		if err != nil {
			return nil, fmt.Errorf("revision %s: %w", base, err)
		}
		all = append(all, impulseBuild{baseBuild, binary})
	}
	fmt.Println("• compiling impulse")
	binary, err := compile(ctx, root, filepath.Join(dir, "impulse"))
	return append(all, impulseBuild{thisBuild, binary}), err
}

// checkOut writes the files of a revision into a new folder.
func checkOut(ctx context.Context, revision, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("create a folder: %w", err)
	}
	archive := exec.CommandContext(ctx, "git", "archive", revision+"^{commit}")
	var problems bytes.Buffer
	archive.Stderr = &problems
	files, err := archive.StdoutPipe()
	if err != nil {
		return fmt.Errorf("read revision %s: %w", revision, err)
	}
	unpack := exec.CommandContext(ctx, "tar", "-x", "-C", dir)
	unpack.Stdin, unpack.Stderr = files, &problems
	if err := errors.Join(archive.Start(), unpack.Run(), archive.Wait()); err != nil {
		return fmt.Errorf("read revision %s: %w\n%s", revision, err, problems.Bytes())
	}
	return nil
}

// compile compiles the impulse of a folder as `make build` does, with debugSource added.
func compile(ctx context.Context, source, binary string) (string, error) {
	added, overlay := binary+".debug.go", binary+".overlay.json"
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(source, "cmd/impulse/debug_bench.go"): added}})
	if err != nil {
		return "", fmt.Errorf("encode the overlay: %w", err)
	}
	if err := errors.Join(os.WriteFile(added, debugSource, 0o600), os.WriteFile(overlay, content, 0o600)); err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "-C", source, "build", "-overlay", overlay, "-tags", "grpcnotrace", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w", "-gcflags", "k8s.io/api/...=-l", "-o", binary, "./cmd/impulse")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile impulse: %w\n%s", err, out)
	}
	return binary, nil
}
