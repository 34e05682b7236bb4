package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"time"
)

// member is a file of an archive.
type member struct {
	name    string
	mode    int64
	content []byte
}

// tarGz returns a compressed tar archive. All of its files have the same time and belong to root.
func tarGz(at time.Time, members ...member) ([]byte, error) {
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(compressed)
	for _, m := range members {
		header := &tar.Header{Name: m.name, Typeflag: tar.TypeReg, Mode: m.mode, Size: int64(len(m.content)), ModTime: at, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("add %s to an archive: %w", m.name, err)
		}
		if _, err := w.Write(m.content); err != nil {
			return nil, fmt.Errorf("add %s to an archive: %w", m.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("end an archive: %w", err)
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("end an archive: %w", err)
	}
	return out.Bytes(), nil
}

// zipped returns a zip archive, the form that Windows opens without further programs.
func zipped(at time.Time, members ...member) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		file, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: at.UTC()})
		if err != nil {
			return nil, fmt.Errorf("add %s to an archive: %w", m.name, err)
		}
		if _, err := file.Write(m.content); err != nil {
			return nil, fmt.Errorf("add %s to an archive: %w", m.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("end an archive: %w", err)
	}
	return out.Bytes(), nil
}
