package prometheus

import (
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// scan returns the number in an answer of the usual form, which is nearly every answer:
//
//	{"status":"success","data":{"resultType":"scalar","result":[1790000000.123,"42.5"]}}
//	{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"shop"},"value":[1790000000.123,"42.5"]}]}}
//
// It knows these members in this order, with any white space between them, and nothing else: for any other answer, complete or not, it
// returns nil. What it accepts, the client library decodes to the same number, with many more allocations.
func scan(body []byte) *model.Scalar {
	s := scanner{string(body)}
	number, ok := "", false
	switch {
	case !s.tokens("{", `"status"`, ":", `"success"`, ",", `"data"`, ":", "{", `"resultType"`, ":"):
	case s.tokens(`"scalar"`):
		ok = s.tokens(",", `"result"`, ":") && s.point(&number)
	case s.tokens(`"vector"`):
		ok = s.tokens(",", `"result"`, ":", "[", "{", `"metric"`, ":") && s.labels() && s.tokens(",", `"value"`, ":") && s.point(&number) && s.tokens("}", "]")
	}
	if !ok || !s.tokens("}", "}") || s.skipSpace() != "" {
		return nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return nil
	}
	return &model.Scalar{Value: model.SampleValue(f)}
}

// scanner reads a JSON text. Its methods skip white space and what they are named for, and report whether that was there.
type scanner struct{ rest string }

// skipSpace skips white space only, and returns the rest.
func (s *scanner) skipSpace() string {
	s.rest = strings.TrimLeft(s.rest, " \t\r\n")
	return s.rest
}

func (s *scanner) tokens(all ...string) bool {
	for _, token := range all {
		rest, found := strings.CutPrefix(s.skipSpace(), token)
		if !found {
			return false
		}
		s.rest = rest
	}
	return true
}

// point skips a list of a time and a number, and sets the number.
func (s *scanner) point(number *string) bool {
	return s.tokens("[") && s.time() && s.tokens(",") && s.text(number) && s.tokens("]")
}

// time skips digits, which may be followed by a point and digits.
func (s *scanner) time() bool {
	const mostDigits = 15 // No time needs more.
	s.skipSpace()
	seconds := s.digits()
	if seconds == "" || len(seconds) > mostDigits || seconds[0] == '0' {
		return false
	}
	return !strings.HasPrefix(s.rest, ".") || s.tokens(".") && s.digits() != ""
}

// digits skips and returns digits.
func (s *scanner) digits() string {
	rest := strings.TrimLeft(s.rest, "0123456789")
	digits := s.rest[:len(s.rest)-len(rest)]
	s.rest = rest
	return digits
}

// labels skips an object of texts whose names are those of labels.
func (s *scanner) labels() bool {
	if !s.tokens("{") {
		return false
	}
	for first := true; !s.tokens("}"); first = false {
		var name, value string
		if !first && !s.tokens(",") || !s.text(&name) || !s.tokens(":") || !s.text(&value) || !model.LegacyValidation.IsValidLabelName(name) {
			return false
		}
	}
	return true
}

// text skips a string without escapes and with printable ASCII characters only, and sets it.
func (s *scanner) text(value *string) bool {
	if !s.tokens(`"`) {
		return false
	}
	end := strings.IndexFunc(s.rest, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
	if end < 0 || s.rest[end] != '"' {
		return false
	}
	*value, s.rest = s.rest[:end], s.rest[end+1:]
	return true
}
