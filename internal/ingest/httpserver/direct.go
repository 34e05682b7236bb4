package httpserver

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// Direct are the doors that lead to single triggers. doors.Hub is them. Their errors are *doors.RefusedError.
type Direct interface {
	// Webhook returns what a message to a hook of a namespace delivers; a stranger has shown no credential.
	Webhook(ctx context.Context, namespace, hook string, m triggers.Message, stranger bool) ([]store.Delivery, error)
	// Push returns what a message to one trigger delivers.
	Push(ctx context.Context, namespace, object, trigger string, m triggers.Message) ([]store.Delivery, error)
}

// direct are the routes to single triggers.
func (s *Server) direct() []Route {
	if s.options.Direct == nil {
		return nil
	}
	return []Route{
		// The certificate of a signature may have to be fetched first.
		{Name: "webhook", Method: http.MethodPost, Path: "/v1/webhook/:namespace/:hook", Within: longestAnswer, Anonymous: true, Decode: s.decodeWebhook},
		{Name: "push", Method: http.MethodPut, Path: "/v1/namespaces/:namespace/scaledobjects/:object/triggers/:trigger", Decode: s.decodePush},
	}
}

// decodeWebhook asks the triggers that listen to the hook.
func (s *Server) decodeWebhook(r *Request) ([]store.Delivery, error) {
	deliveries, err := s.options.Direct.Webhook(r.HTTP.Context(), r.Door.Namespace, r.Param("hook"), message(r), r.Door.Credential == auth.Anonymous)
	return deliveries, refused(err)
}

// decodePush asks the trigger that the path names.
func (s *Server) decodePush(r *Request) ([]store.Delivery, error) {
	deliveries, err := s.options.Direct.Push(r.HTTP.Context(), r.Door.Namespace, r.Param("object"), r.Param("trigger"), message(r))
	return deliveries, refused(err)
}

// message is a request as triggers see it.
func message(r *Request) triggers.Message {
	return triggers.Message{Header: r.HTTP.Header, Query: r.HTTP.URL.Query(), Raw: r.Body, At: r.At}
}

// refused is the answer to what was refused. What may pass is not logged.
func refused(err error) error {
	refusal, ok := errors.AsType[*endpoints.RefusedError](err)
	if !ok {
		return err
	}
	answer := echo.NewHTTPError(refusal.Code, refusal.Reason)
	if refusal.Code != http.StatusServiceUnavailable {
		answer.Internal = refusal
	}
	return answer
}
