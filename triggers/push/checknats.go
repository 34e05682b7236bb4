package push

import (
	"errors"
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// checkNATS checks the parameters for NATS.
func (c Config) checkNATS() error {
	var mistakes []error
	add := func(field, problem, suggestion string) {
		mistakes = append(mistakes, wrong(field, problem, suggestion))
	}
	if c.NATSURL == "" {
		return c.checkNoNATS()
	}
	if problem, suggestion := natsconn.CheckURLs(c.NATSURL); problem != "" {
		add("natsURL", problem, suggestion)
	}
	switch {
	case c.Subject == "" && c.Stream == "":
		add("natsURL", "needs a subject, or a stream and its consumer", "")
	case c.Subject != "" && c.Stream != "":
		add("subject", "has no effect with stream", "remove one of them")
	case c.Stream != "" && c.Consumer == "":
		add("consumer", "is required with stream", "a durable consumer that this trigger alone uses")
	case c.Stream == "" && c.Consumer != "":
		add("consumer", "needs stream", "")
	case c.Stream == "" && c.Domain != "":
		add("domain", "needs stream", "")
	}
	return errors.Join(append(mistakes, c.checkNames())...)
}

// checkNoNATS rejects the parameters that need natsURL.
func (c Config) checkNoNATS() error {
	var mistakes []error
	for _, f := range []struct {
		key   string
		given bool
	}{
		{"subject", c.Subject != ""},
		{"stream", c.Stream != ""},
		{"consumer", c.Consumer != ""},
		{"domain", c.Domain != ""},
		{"unsafeSsl", c.UnsafeSSL},
	} {
		if f.given {
			mistakes = append(mistakes, wrong(f.key, "needs natsURL", "write natsURL: nats://HOST:4222"))
		}
	}
	return errors.Join(mistakes...)
}

// checkNames rejects names that NATS does not allow.
func (c Config) checkNames() error {
	var mistakes []error
	if c.Subject != "" && (strings.ContainsAny(c.Subject, " \t\r\n\x00") || strings.Contains("."+c.Subject+".", "..")) {
		mistakes = append(mistakes, wrong("subject", fmt.Sprintf("%.100q is not a subject", c.Subject), "words separated by dots, such as levels.checkout"))
	}
	for _, one := range [][2]string{{"stream", c.Stream}, {"consumer", c.Consumer}, {"domain", c.Domain}} {
		if strings.ContainsAny(one[1], ">*. /\\\t\r\n\x00") {
			mistakes = append(mistakes, wrong(one[0], fmt.Sprintf("%.100q is not a valid name: it contains a blank or one of > * . / \\", one[1]), ""))
		}
	}
	return errors.Join(mistakes...)
}
