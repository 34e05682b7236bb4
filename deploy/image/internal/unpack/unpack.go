package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

const (
	maxFiles = 10_000
	maxBytes = 2 << 30
)

// Image writes the files of an image to dir, which must be empty or not exist. It accepts folders and regular files, which are all that
// Impulse's images have. Owners are not set, and no permissions but those to read, write and execute. After an error dir is empty.
func Image(image v1.Image, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for the image: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the folder for the image: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s has files already: name an empty folder or one that does not exist", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder for the image: %w", err)
	}
	defer func() { _ = root.Close() }() // Nothing is written through it any more.
	files := mutate.Extract(image)
	defer files.Close()
	u := unpacker{root: root, folders: map[string]fs.FileMode{}}
	err = u.unpack(tar.NewReader(files))
	if err == nil {
		// The library ends the archive regularly when it cannot go on, and says why only behind the end.
		_, err = io.Copy(io.Discard, files)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("unpack the image to %s: %w", dir, err), clearAll(root))
	}
	return nil
}

// unpacker writes to a folder that os.Root confines it to.
type unpacker struct {
	root    *os.Root
	folders map[string]fs.FileMode // Their permissions, which are set at the end: a file may be written to each of them before.
	files   int
	bytes   int64
}

func (u *unpacker) unpack(archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the image: %w", err)
		}
		if u.files++; u.files > maxFiles {
			return fmt.Errorf("it has more than %d files", maxFiles)
		}
		if u.bytes += header.Size; u.bytes > maxBytes {
			return fmt.Errorf("its files have more than %d bytes", int64(maxBytes))
		}
		if err := u.write(header, archive); err != nil {
			return err
		}
	}
	for name, mode := range u.folders {
		if err := u.root.Chmod(name, mode); err != nil {
			return fmt.Errorf("set the permissions of a folder: %w", err)
		}
	}
	return nil
}

func (u *unpacker) write(header *tar.Header, content io.Reader) error {
	mode := header.FileInfo().Mode().Perm()
	// The names of an image are relative to its root, also those that begin with a slash.
	name := path.Clean("/" + header.Name)[1:]
	switch {
	case header.Typeflag == tar.TypeDir && name == "":
		return nil
	case header.Typeflag == tar.TypeDir:
		u.folders[name] = mode
		return u.root.MkdirAll(name, 0o755)
	case header.Typeflag == tar.TypeReg && name != "":
		return u.writeFile(name, mode, content)
	default:
		return fmt.Errorf("%q is neither a folder nor a regular file", header.Name)
	}
}

func (u *unpacker) writeFile(name string, mode fs.FileMode, content io.Reader) error {
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode), file.Close())
}

// clearAll removes everything below root.
func clearAll(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		err = errors.Join(err, root.RemoveAll(e.Name()))
	}
	if err != nil {
		return fmt.Errorf("remove what was unpacked: %w", err)
	}
	return nil
}
