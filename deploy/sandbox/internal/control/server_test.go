package control

import "testing"

func TestWhoAsksForTheEndIsAnsweredBeforeIt(t *testing.T) {
	dir := t.TempDir()
	var server *Server
	server, err := Serve(t.Context(), Socket(dir), nil, func() { _ = server.Close() })
	if err != nil {
		t.Fatal(err)
	}
	if err := (Client{Dir: dir}).Down(t.Context()); err != nil {
		t.Error(err)
	}
}
