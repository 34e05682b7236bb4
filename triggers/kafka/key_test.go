package kafka

import (
	"encoding/pem"
	"os"
	"testing"
)

func TestKey(t *testing.T) {
	t.Run("an encrypted key is decrypted with its password", testEncryptedKeyIsDecrypted)
	t.Run("a key that cannot be decrypted is an error that does not repeat it", testKeyThatCannotBeDecrypted)
	t.Run("a key that is not encrypted stays as it is", testKeyThatIsNotEncryptedStays)
}

func file(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func testEncryptedKeyIsDecrypted(t *testing.T) {
	for _, name := range []string{"aes256.pem", "aes128-sha1.pem", "aes192-sha512.pem"} {
		if got, err := decrypted(file(t, name), "hunter2"); err != nil || got != file(t, "plain.pem") {
			t.Errorf("%s: got %q, %v; want the key that is not encrypted", name, got, err)
		}
	}
}

func testKeyThatCannotBeDecrypted(t *testing.T) {
	key := file(t, "aes256.pem")
	for _, c := range []struct{ name, key, password, want string }{
		{"no password", key, "", errNoPassword.Error()},
		{"another cipher", file(t, "des3.pem"), "hunter2", errEncrypted.Error()},
		{"another derivation", file(t, "scrypt.pem"), "hunter2", errEncrypted.Error()},
		{"no content", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n", "hunter2", errEncrypted.Error()},
	} {
		if got, err := decrypted(c.key, c.password); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %q, %v; want %s", c.name, got, err, c.want)
		}
	}
	for _, password := range []string{"hunter3", "hunter4", "x"} {
		a := access{tls: true, key: key, keyPassword: password}
		if config, err := a.tlsConfig(); err == nil || err.Error() != errEncrypted.Error() {
			t.Errorf("a wrong password: got %v, %v; want %v", config, err, errEncrypted)
		}
	}
}

func testKeyThatIsNotEncryptedStays(t *testing.T) {
	for _, key := range []string{"", "no PEM", file(t, "plain.pem")} {
		if got, err := decrypted(key, "hunter2"); err != nil || got != key {
			t.Errorf("got %q, %v; want %q", got, err, key)
		}
	}
}

// FuzzDecrypt: any content is decrypted or refused.
func FuzzDecrypt(f *testing.F) {
	for _, name := range []string{"aes256.pem", "aes128-sha1.pem", "des3.pem", "scrypt.pem"} {
		block, _ := pem.Decode([]byte(file(f, name)))
		f.Add(block.Bytes, "hunter2")
	}
	f.Fuzz(func(t *testing.T, der []byte, password string) {
		if got, ok := decrypt(der, password); ok && len(got) > len(der) {
			t.Errorf("%d bytes became %d", len(der), len(got))
		}
	})
}
