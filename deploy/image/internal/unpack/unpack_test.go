package unpack

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// file returns the header of a regular file.
func file(name string, mode int64) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode}
}

// imageOf returns an image with a layer for each list of headers. Each regular file has its name as content.
func imageOf(t *testing.T, layers ...[]tar.Header) v1.Image {
	t.Helper()
	image := empty.Image
	for _, headers := range layers {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, h := range headers {
			if h.Typeflag == tar.TypeReg {
				h.Size = int64(len(h.Name))
			}
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(h.Name)[:h.Size]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			t.Fatal(err)
		}
	}
	return image
}

func TestImage(t *testing.T) {
	t.Run("writes folders and files with their permissions", testWritesFoldersAndFiles)
	t.Run("applies layers in their order", testAppliesLayersInOrder)
	t.Run("writes nothing outside of the folder", testWritesNothingOutside)
	t.Run("refuses a folder with files and leaves it alone", testRefusesFolderWithFiles)
	t.Run("refuses images that are too large", testRefusesLargeImages)
}

func testWritesFoldersAndFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	image := imageOf(t, []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o555},
		file("etc/passwd", 0o444),
		file("/impulse", 0o4755),
		file("without/a/folder", 0o640),
	})
	if err := Image(image, dir); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"etc": fs.ModeDir | 0o555, "etc/passwd": 0o444, "impulse": 0o755, "without/a": fs.ModeDir | 0o755, "without/a/folder": 0o640} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: got %v, %v, want mode %v", name, info, err, mode)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "etc/passwd")); err != nil || string(content) != "etc/passwd" {
		t.Errorf("got %q, %v", content, err)
	}
}

func testAppliesLayersInOrder(t *testing.T) {
	dir := t.TempDir()
	if err := Image(imageOf(t, []tar.Header{file("gone", 0o644), file("kept", 0o600)}, []tar.Header{file(".wh.gone", 0), file("kept", 0o644)}), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "gone")); err == nil {
		t.Error("a file that a later layer removes is there")
	}
	if info, err := os.Stat(filepath.Join(dir, "kept")); err != nil || info.Mode() != 0o644 {
		t.Errorf("got %v, %v, want the file of the later layer", info, err)
	}
}

func testWritesNothingOutside(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"a parent folder":              {file("../evil", 0o644)},
		"a parent folder further in":   {file("a/../../evil", 0o644)},
		"a symbolic link":              {{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/"}},
		"a hard link":                  {{Name: "link", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}},
		"a device":                     {{Name: "null", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3}},
		"a pipe":                       {{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o666}},
		"a file in place of the root":  {file(".", 0o644)},
		"a path for another separator": {file(`..\evil`, 0o644)},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := unpackBeside(t, headers)
			if err == nil {
				t.Error("got no error")
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("got %v, %v, want an empty folder after the error", left, err)
			}
		})
	}
	for name, headers := range map[string][]tar.Header{ // The library leaves these out.
		"a file through a link":       {{Name: "link", Typeflag: tar.TypeSymlink, Linkname: ".."}, file("link/evil", 0o644)},
		"a file in place of a folder": {file("a", 0o644), file("a/b", 0o644)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := unpackBeside(t, headers); err != nil {
				t.Error(err)
			}
		})
	}
}

// unpackBeside unpacks an image to a folder, and checks that its parent folder has nothing else.
func unpackBeside(t *testing.T, headers []tar.Header) (string, error) {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "in")
	result := Image(imageOf(t, append([]tar.Header{file("first", 0o644)}, headers...)), dir)
	if entries, err := os.ReadDir(parent); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v beside the folder", entries, err)
	}
	return dir, result
}

func testRefusesFolderWithFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Image(imageOf(t, []tar.Header{file("impulse", 0o755)}), dir)
	if err == nil || !strings.Contains(err.Error(), "has files already: name an empty folder or one that does not exist") {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

// The limits are larger than a test wants to write: the unpacker begins as if almost as much had been written.
func testRefusesLargeImages(t *testing.T) {
	image := imageOf(t, []tar.Header{file("abc", 0o644)})
	for want, u := range map[string]unpacker{"more than 10000 files": {files: maxFiles}, "more than 2147483648 bytes": {bytes: maxBytes - 2}} {
		files := mutate.Extract(image)
		if err := u.unpack(tar.NewReader(files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	}
}
