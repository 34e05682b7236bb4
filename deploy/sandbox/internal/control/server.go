package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/plane"
)

// startWithin bounds how long a component may take to be ready when it is started again.
const startWithin = 2 * time.Minute

// Server answers for one sandbox.
type Server struct {
	http   *http.Server
	served chan error
}

// Serve serves requests on the socket until Close. It calls down on a request to end the sandbox.
func Serve(ctx context.Context, socket string, sandbox *plane.Sandbox, down func()) (*Server, error) {
	if err := os.RemoveAll(socket); err != nil { // Left by a crash: the caller has claimed the folder.
		return nil, fmt.Errorf("remove the old control socket: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect the control socket: %w", err), listener.Close())
	}
	s := &Server{
		http:   &http.Server{Handler: routes(sandbox, down), ReadHeaderTimeout: time.Minute},
		served: make(chan error, 1),
	}
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

// Close ends the server; pending requests get no response.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func routes(sandbox *plane.Sandbox, down func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(sandbox.Status()) // The client may have disconnected.
	})
	mux.HandleFunc("POST /down", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush() // The client may have disconnected; if not, it gets the response before the server ends.
		down()
	})
	change := func(verb string, do func(r *http.Request, name string) error) {
		mux.HandleFunc("POST /"+verb+"/{component}", func(w http.ResponseWriter, r *http.Request) {
			if err := do(r, r.PathValue("component")); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		})
	}
	change("stop", func(r *http.Request, name string) error { return sandbox.Stop(name, r.FormValue("force") == "true") })
	change("pause", func(_ *http.Request, name string) error { return sandbox.Pause(name) })
	change("resume", func(_ *http.Request, name string) error { return sandbox.Resume(name) })
	change("start", func(r *http.Request, name string) error {
		ctx, cancel := context.WithTimeout(r.Context(), startWithin)
		defer cancel()
		return sandbox.Start(ctx, name)
	})
	return mux
}
