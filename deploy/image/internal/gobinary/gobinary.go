package gobinary

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"runtime/debug"
)

// Binary is a program that Go has compiled.
type Binary struct {
	Path string
	OS   string
	Arch string
	Info *debug.BuildInfo
}

// Open reads the build information of the program at path.
func Open(path string) (Binary, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return Binary{}, fmt.Errorf("read %s as a program that Go has compiled: %w", path, err)
	}
	b := Binary{Path: path, Info: info, OS: setting(info, "GOOS"), Arch: setting(info, "GOARCH")}
	if b.OS == "" || b.Arch == "" {
		return Binary{}, fmt.Errorf("read %s: it does not record its platform; compile it with go build in a module", path)
	}
	return b, nil
}

// Platform returns the platform in the form linux/amd64.
func (b Binary) Platform() string { return b.OS + "/" + b.Arch }

// Setting returns a setting of the build, such as -tags, or "" if the program does not record it.
func (b Binary) Setting(key string) string { return setting(b.Info, key) }

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// CheckRunsFromScratch returns an error unless the program runs on Linux without any other file, as in an image that is made from scratch.
func (b Binary) CheckRunsFromScratch() error {
	if b.OS != "linux" {
		return fmt.Errorf("%s is compiled for %s: an image needs a program for linux; set GOOS=linux", b.Path, b.Platform())
	}
	file, err := elf.Open(b.Path)
	if err != nil {
		return fmt.Errorf("read %s: %w", b.Path, err)
	}
	defer func() { _ = file.Close() }() // It was only read.
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically, and the image has no libraries: compile it with CGO_ENABLED=0", b.Path)
		}
	}
	return nil
}
