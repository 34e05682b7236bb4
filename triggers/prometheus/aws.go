package prometheus

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/sigv4"
)

// awsService is the name of Amazon Managed Service for Prometheus in signatures.
const awsService = "aps"

// awsParameters returns the parameters of the authenticationRef with which requests are signed.
func awsParameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "awsAccessKeyID", Doc: "The access key for Amazon Managed Service for Prometheus, without authModes. Requests are signed with it (SigV4)."},
		{Name: "awsAccessKeyId", Doc: "Another spelling of awsAccessKeyID."},
		{Name: "awsSecretAccessKey", Doc: "The secret key of the access key."},
		{Name: "awsSessionToken", Doc: "The session token, if the access key is a temporary one."},
		{Name: "awsRegion", Doc: "The region, if the metadata do not have it."},
	}
}

// validRegion reports whether a text may be the name of a region.
var validRegion = regexp.MustCompile(`^[a-z0-9-]+$`).MatchString

// signer signs requests to Amazon Managed Service for Prometheus with the current access key. It leaves requests as they are if there is
// neither a region nor an access key.
type signer struct {
	region  string
	secrets triggers.Secrets
	now     func() time.Time
}

// sign signs one request.
func (s *signer) sign(r *http.Request) error {
	region, key, err := s.credentials(r.Context())
	if err != nil || key == (sigv4.Key{}) {
		return err
	}
	body, err := content(r)
	if err != nil {
		return fmt.Errorf("read the request to sign it: %w", err)
	}
	key.Sign(r, body, awsService, region, s.now())
	return nil
}

// credentials returns the region and the current access key. Both are empty if requests are not to be signed.
func (s *signer) credentials(ctx context.Context) (region string, key sigv4.Key, err error) {
	var names []string
	for _, p := range awsParameters() {
		names = append(names, p.Name)
	}
	values, err := s.secrets.Read(ctx, names...)
	if err != nil {
		return "", sigv4.Key{}, err
	}
	key = sigv4.Key{
		ID: cmp.Or(values["awsAccessKeyID"], values["awsAccessKeyId"]), Secret: values["awsSecretAccessKey"], SessionToken: values["awsSessionToken"],
	}
	region = cmp.Or(s.region, values["awsRegion"])
	switch {
	case region == "" && key.ID == "":
		return "", sigv4.Key{}, nil
	case region == "":
		err = errors.New("the authenticationRef has awsAccessKeyID, but awsRegion is missing")
	case !validRegion(region):
		err = errors.New("the parameter awsRegion of the authenticationRef is not a region such as eu-west-1")
	case key.ID == "":
		err = errors.New("awsRegion is set, but the authenticationRef has no parameter awsAccessKeyID")
	case key.Secret == "":
		err = errors.New("the authenticationRef has awsAccessKeyID, but no parameter awsSecretAccessKey")
	}
	return region, key, err
}

// content returns the body of a request, which can be read again.
func content(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}
