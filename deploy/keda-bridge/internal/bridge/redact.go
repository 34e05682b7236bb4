package bridge

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// minSecret is the minimum length of a text that is replaced: a shorter one is no secret, and may be part of any word.
const minSecret = 4

// forms returns the forms in which an error may repeat a credential: as it is, line by line, quoted for a URL, in base64, and the values and
// userinfo of a connection string.
func forms(value string) []string {
	var parts []string
	add := func(part string) {
		if part = strings.TrimSpace(part); len(part) >= minSecret {
			parts = append(parts, part)
		}
	}
	add(value)
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == '\n' || r == ' ' || r == ',' }) {
		add(part)
		if _, after, ok := strings.Cut(part, "="); ok {
			add(after)
		}
		if u, err := url.Parse(part); err == nil && u.User != nil {
			password, _ := u.User.Password()
			add(password)
		}
	}
	var all []string
	for _, part := range parts {
		all = append(all, part, url.QueryEscape(part), url.PathEscape(part), base64.StdEncoding.EncodeToString([]byte(part)))
	}
	return all
}

// redact replaces secrets in a text.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[credential]")
	}
	return text
}
