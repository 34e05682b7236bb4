package top

import "bytes"

// sequences are the bytes that terminals send for keys, the longest first where one begins another.
var sequences = []struct {
	bytes string
	key   Key
}{
	{"\x1b[5~", PageUp},
	{"\x1b[6~", PageDown},
	{"\x1b[1~", Home},
	{"\x1b[4~", End},
	{"\x1b[A", Up},
	{"\x1bOA", Up},
	{"\x1b[B", Down},
	{"\x1bOB", Down},
	{"\x1b[H", Home},
	{"\x1b[F", End},
	{"\x1bOH", Home},
	{"\x1bOF", End},
	{"k", Up},
	{"j", Down},
	{"g", Home},
	{"G", End},
	{" ", PageDown},
	{"\r", Enter},
	{"\n", Enter},
	{"q", Quit},
	{"\x03", Quit},
	{"\x04", Quit},
}

// Keys returns the keys in what a terminal sent at once. An escape character that begins no known sequence is the key Escape, which goes back.
func Keys(sent []byte) []Key {
	var keys []Key
	for len(sent) > 0 {
		key, size := next(sent)
		if sent = sent[size:]; key != None {
			keys = append(keys, key)
		}
	}
	return keys
}

// next returns the first key, and the number of its bytes.
func next(sent []byte) (Key, int) {
	for _, s := range sequences {
		if bytes.HasPrefix(sent, []byte(s.bytes)) {
			return s.key, len(s.bytes)
		}
	}
	if sent[0] != '\x1b' {
		return None, 1
	}
	if len(sent) > 2 && sent[1] == '[' { // The sequence of another key ends with a letter or a tilde.
		for i := 2; i < len(sent); i++ {
			if c := sent[i]; c >= '@' && c <= '~' {
				return None, i + 1
			}
		}
	}
	return Back, 1
}
