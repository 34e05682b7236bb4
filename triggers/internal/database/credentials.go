package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
)

// Credentials are the parameters of the authenticationRef by their names. Parameters that it does not define are missing.
type Credentials map[string]string

// shown are parameters that identify something and prove nothing. An error may contain them, because a server's messages do.
var shown = []string{"host", "port", "userName", "username", "dbName", "sslmode"}

// readCredentials reads the current values of all parameters.
func readCredentials(ctx context.Context, secrets triggers.Secrets, parameters []triggers.AuthParameter) (Credentials, error) {
	names := make([]string, len(parameters))
	for i, p := range parameters {
		names[i] = p.Name
	}
	values, err := secrets.Read(ctx, names...)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })
	return values, nil
}

// digest returns a hash that is equal for equal credentials.
func (c Credentials) digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(h, "%s=%d:%s", name, len(c[name]), c[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// redact returns err, or an error without details if its text contains a secret, such as a password that a server repeats.
func (c Credentials) redact(err error) error {
	for name, value := range c {
		if !slices.Contains(shown, name) && strings.Contains(err.Error(), value) {
			return errors.New("the reason is not shown, because it contains the credential " + name)
		}
	}
	return err
}
