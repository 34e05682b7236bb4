package server

import "errors"

// readList reads credentials of all kinds from a YAML file.
func readList(string, bool) ([]*credential, error) { return nil, errors.New("not yet") }
