package control

import "testing"

func TestServer(t *testing.T) {
	t.Run("a request to end the sandbox is answered before the server closes", testRequestToEndSandboxIsAnsweredBeforeServerCloses)
}

func testRequestToEndSandboxIsAnsweredBeforeServerCloses(t *testing.T) {
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
