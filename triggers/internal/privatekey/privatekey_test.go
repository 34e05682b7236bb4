package privatekey

import (
	"encoding/pem"
	"os"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestDecrypt(t *testing.T) {
	t.Run("an encrypted key is decrypted with its password", testEncryptedKeyIsDecrypted)
	t.Run("what testkit encrypts is decrypted", testWhatTestsEncryptIsDecrypted)
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
		if got, err := Decrypt(file(t, name), "hunter2"); err != nil || got != file(t, "plain.pem") {
			t.Errorf("%s: got %q, %v; want the key that is not encrypted", name, got, err)
		}
	}
}

func testWhatTestsEncryptIsDecrypted(t *testing.T) {
	_, key := testkit.NewAuthority(t).Issue("client")
	for _, password := range []string{"x", "hunter2", "ein längeres Passwort mit 日本"} {
		if got, err := Decrypt(testkit.EncryptKey(t, key, password), password); err != nil || got != key {
			t.Errorf("%s: got %q, %v; want the key", password, got, err)
		}
	}
}

func testKeyThatCannotBeDecrypted(t *testing.T) {
	key := file(t, "aes256.pem")
	for _, c := range []struct{ name, key, password, want string }{
		{"no password", key, "", ErrNoPassword.Error()},
		{"another cipher", file(t, "des3.pem"), "hunter2", ErrEncrypted.Error()},
		{"another derivation", file(t, "scrypt.pem"), "hunter2", ErrEncrypted.Error()},
		{"no content", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n", "hunter2", ErrEncrypted.Error()},
	} {
		if got, err := Decrypt(c.key, c.password); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %q, %v; want %s", c.name, got, err, c.want)
		}
	}
	for _, password := range []string{"hunter3", "hunter4", "x"} {
		if got, err := Decrypt(key, password); err == nil || err.Error() != ErrEncrypted.Error() {
			t.Errorf("a wrong password: got %q, %v; want %v", got, err, ErrEncrypted)
		}
	}
}

func testKeyThatIsNotEncryptedStays(t *testing.T) {
	for _, key := range []string{"", "no PEM", file(t, "plain.pem")} {
		if got, err := Decrypt(key, "hunter2"); err != nil || got != key {
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
