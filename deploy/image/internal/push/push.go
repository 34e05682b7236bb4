package push

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
)

// userAgent identifies this program to registries.
const userAgent = "impulse-image"

// Target is where an image is pushed to.
type Target struct {
	Tag      name.Tag
	Keychain authn.Keychain
}

// Check returns an error if the registry cannot be reached or does not let these credentials push. It is quick, so that it can come before
// the image is made.
func (t Target) Check(ctx context.Context) error {
	return explain(remote.CheckPushPermission(t.Tag, t.Keychain, bound{ctx}), t.Tag)
}

// Push sends the image, and then the artifacts about it, and returns the image's name with its digest. Progress is written to out.
func (t Target) Push(ctx context.Context, image oci.Stored, out io.Writer) (name.Digest, error) {
	digest, err := image.Index.Digest()
	if err != nil {
		return name.Digest{}, fmt.Errorf("compute the digest of the image: %w", err)
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(t.Keychain), remote.WithUserAgent(userAgent)}
	updates := make(chan v1.Update, 64)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		show(out, t.Tag.RegistryStr(), updates)
	}()
	err = remote.WriteIndex(t.Tag, image.Index, append(options, remote.WithProgress(updates))...) // It closes updates.
	<-shown
	if err != nil {
		return name.Digest{}, explain(err, t.Tag)
	}
	for _, artifact := range image.Referrers {
		digest, err := artifact.Digest()
		if err != nil {
			return name.Digest{}, fmt.Errorf("compute the digest of an SBOM: %w", err)
		}
		if err := remote.Write(t.Tag.Digest(digest.String()), artifact, options...); err != nil {
			return name.Digest{}, fmt.Errorf("the image is pushed, but not its SBOM: %w", explain(err, t.Tag))
		}
	}
	return t.Tag.Digest(digest.String()), nil
}

// bound ends each request with a context: the library's check has none.
type bound struct {
	ctx context.Context //nolint:containedctx // An http.RoundTripper gets its context with the request, and this one replaces it.
}

// RoundTrip implements http.RoundTripper.
func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	return remote.DefaultTransport.RoundTrip(r.WithContext(b.ctx))
}
