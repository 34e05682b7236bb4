package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestRegularFiles(t *testing.T) {
	t.Run("no command reads a device or blocks on a pipe", testNoCommandReadsDeviceOrBlocksOnPipe)
	t.Run("the standard input is bounded", testStandardInputIsBounded)
}

func testNoCommandReadsDeviceOrBlocksOnPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	const object = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: x}\nspec:\n  scaleTargetRef: {name: x}\n" +
		"  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: 3}}]\n"
	for name, content := range map[string]string{
		"good.yaml": object, "load.csv": "time,value\n0,1\n", "large": strings.Repeat("#", 33<<20), "device.test.yaml": "tests: [{scaledObject: device, expect: [{at: 0s, replicas: 1}]}]\n",
		"pipe.test.yaml": "tests: [{scaledObject: pipe, expect: [{at: 0s, replicas: 1}]}]\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", "device"); err != nil {
		t.Fatal(err)
	}
	expect := func(want string, args ...string) {
		t.Helper()
		code, out, errs := impulse(t, "", args...)
		if code != 2 || !strings.Contains(out+errs, want) {
			t.Errorf("%s: exit code %d, %s%swant %s", strings.Join(args, " "), code, out, errs, want)
		}
	}
	for file, want := range map[string]string{
		"pipe": "pipe: is a pipe: a regular file was expected", "device": "device: is a device: a regular file was expected",
	} {
		expect(want, "check", file)
		expect(want, "convert", file)
		expect(want, "test", file)
		expect(want, "test", file+".test.yaml")
		expect(want, "explain", "./"+file)
		expect(want, "simulate", file, "--input", "load.csv")
		expect(want, "simulate", "good.yaml", "--input", file)
		expect(want, "explain", "good.yaml", "--input", file)
		expect(want, "send", "alert", "a=b", "--token-file", file)
		expect(want, "send", "alert", "a=b", "--ca-file", file)
	}
	for _, command := range []string{"check", "convert", "test"} {
		expect("large: is larger than ", command, "large")
	}
}

func testStandardInputIsBounded(t *testing.T) {
	for command, bound := range map[string]string{"check": "4194304", "convert": "4194304", "test": "33554432"} {
		code, out, errs := impulse(t, strings.Repeat("#", 33<<20), command, "-")
		if code != 2 || !strings.Contains(errs, "is larger than "+bound+" bytes") {
			t.Errorf("%s: got exit code %d, want 2; output %s%s", command, code, out, errs)
		}
	}
}
