// Command newkind begins a new kind of trigger: a folder with its code, a test against a server, a README, and an example. The kind reads a
// number from a server over HTTP, and passes the conformance suite; replace what it reads.
package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run ./triggers/builtin/newkind NAME")
	}
	written, err := create(".", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range written {
		fmt.Println("wrote", path)
	}
}

// names are the names of trigger types, as in KEDA.
var names = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

//go:embed templates
var templates embed.FS

// kind is what the templates use.
type kind struct {
	// Name is the type of the trigger, and Package the name of its package and folder.
	Name, Package string
}

// create writes the files of a kind into the project at root, and returns their paths. It overwrites nothing.
func create(root, name string) ([]string, error) {
	if !names.MatchString(name) {
		return nil, fmt.Errorf("%q is not a type of trigger: write lower-case letters, digits and dashes, such as my-queue", name)
	}
	k := kind{Name: name, Package: strings.ReplaceAll(name, "-", "")}
	folder := filepath.Join(root, "triggers", k.Package)
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s exists: choose another name, or delete it", folder)
	}
	var written []string
	for _, file := range []struct{ template, path string }{
		{"doc.go.tmpl", filepath.Join(folder, "doc.go")},
		{"kind.go.tmpl", filepath.Join(folder, k.Package+".go")},
		{"reader.go.tmpl", filepath.Join(folder, "reader.go")},
		{"kind_test.go.tmpl", filepath.Join(folder, k.Package+"_test.go")},
		{"README.md.tmpl", filepath.Join(folder, "README.md")},
		{"example.yaml.tmpl", filepath.Join(root, "deploy", "examples", k.Name+".yaml")},
	} {
		content, err := render(file.template, k)
		if err != nil {
			return nil, err
		}
		if err := write(file.path, content); err != nil {
			return nil, err
		}
		written = append(written, file.path)
	}
	return written, nil
}

// render executes a template.
func render(name string, k kind) ([]byte, error) {
	t, err := template.New(name).Delims("«", "»").ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, k); err != nil {
		return nil, fmt.Errorf("execute the template: %w", err)
	}
	if !strings.HasSuffix(name, ".go.tmpl") {
		return b.Bytes(), nil
	}
	return format.Source(b.Bytes())
}

// write creates a file, and its folder.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
