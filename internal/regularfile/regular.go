package regularfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotRegular is the error of a directory, a device, a socket or a pipe.
var ErrNotRegular = errors.New("a regular file was expected")

// TooLargeError is the error of a file with more bytes than this limit.
type TooLargeError int

// Error names the limit.
func (e TooLargeError) Error() string { return fmt.Sprintf("is larger than %d bytes", int(e)) }

// Open opens a regular file, and never blocks. Errors name the path, as those of os.Open do. Links are followed: a mounted ConfigMap is
// a link to a regular file. The file is checked before it is opened, because opening a device may have effects, and again afterwards,
// because it may have been replaced in between.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		failed.Op = "open"
	}
	if err == nil {
		err = Check(path, info)
	}
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err == nil {
		err = Check(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Check returns an error that names the path unless info describes a regular file.
func Check(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("is %s: %w", kind(info.Mode()), ErrNotRegular)}
}

// kind describes the type of a file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "no file"
	}
}

// ReadFile returns the content of a regular file of at most limit bytes. Errors name the path.
func ReadFile(path string, limit int) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := ReadAll(file, limit)
	if _, ok := errors.AsType[TooLargeError](err); ok {
		err = &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return content, err
}

// ReadAll reads a stream of at most limit bytes, such as standard input.
func ReadAll(from io.Reader, limit int) ([]byte, error) {
	content, err := io.ReadAll(Limit(from, limit))
	if err != nil {
		return nil, err
	}
	return content, nil
}

// Limit returns a reader of the first limit bytes of from, which fails with TooLargeError when there are more.
func Limit(from io.Reader, limit int) io.Reader { return &limited{from: from, limit: limit} }

type limited struct {
	from        io.Reader
	limit, read int
}

// Read reads up to the limit, and one byte beyond it to find out whether there is more.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p[:min(len(p), l.limit+1-l.read)])
	if l.read += n; l.read > l.limit {
		l.read = l.limit
		return n - 1, TooLargeError(l.limit)
	}
	return n, err
}
