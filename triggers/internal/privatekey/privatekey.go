package privatekey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"hash"
)

// Errors of Decrypt.
var (
	ErrNoPassword = errors.New("the credential key is encrypted, but there is no keyPassword")
	ErrEncrypted  = errors.New("the credential key cannot be decrypted with keyPassword: it must be PKCS #8 with PBKDF2 and AES in CBC mode, as openssl pkcs8 writes it")
)

// maxIterations limits the time that the decryption of a key takes.
const maxIterations = 1 << 22

// encryptedKey is the content of a PEM block ENCRYPTED PRIVATE KEY (RFC 5958).
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// pbes2 has the parameters of the encryption scheme PBES2 (RFC 8018).
type pbes2 struct{ Derivation, Encryption pkix.AlgorithmIdentifier }

// pbkdf2Parameters are those of the key derivation function PBKDF2.
type pbkdf2Parameters struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// Decrypt returns a private key in PEM that is not encrypted. A key that is not encrypted stays as it is, with or without a password. Errors
// contain neither the key nor the password.
func Decrypt(key, password string) (string, error) {
	block, _ := pem.Decode([]byte(key))
	switch {
	case block == nil || block.Type != "ENCRYPTED PRIVATE KEY":
		return key, nil
	case password == "":
		return "", ErrNoPassword
	}
	der, ok := decrypt(block.Bytes, password)
	if !ok {
		return "", ErrEncrypted
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// decrypt returns the DER of an encrypted key.
func decrypt(der []byte, password string) ([]byte, bool) {
	var outer encryptedKey
	var scheme pbes2
	var kdf pbkdf2Parameters
	var iv []byte
	for _, part := range []struct {
		der  func() []byte
		into any
	}{
		{func() []byte { return der }, &outer},
		{func() []byte { return outer.Algorithm.Parameters.FullBytes }, &scheme},
		{func() []byte { return scheme.Derivation.Parameters.FullBytes }, &kdf},
		{func() []byte { return scheme.Encryption.Parameters.FullBytes }, &iv},
	} {
		if _, err := asn1.Unmarshal(part.der(), part.into); err != nil {
			return nil, false
		}
	}
	size, prf := keySize(scheme.Encryption.Algorithm.String()), hashOf(kdf.PRF.Algorithm.String())
	if size == 0 || prf == nil || kdf.Iterations <= 0 || kdf.Iterations > maxIterations ||
		len(iv) != aes.BlockSize || len(outer.Data) == 0 || len(outer.Data)%aes.BlockSize != 0 {
		return nil, false
	}
	secret, err := pbkdf2.Key(prf, password, kdf.Salt, kdf.Iterations, size)
	if err != nil {
		return nil, false
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, false
	}
	plain := make([]byte, len(outer.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, outer.Data)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, false
	}
	plain = plain[:len(plain)-padding]
	_, err = x509.ParsePKCS8PrivateKey(plain) // With a wrong password, the padding may be right by chance.
	return plain, err == nil
}

// keySize returns the size of the key of AES in CBC mode, in bytes; 0 for other algorithms.
func keySize(algorithm string) int {
	return map[string]int{"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32}[algorithm]
}

// hashOf returns the hash of a pseudorandom function, which is HMAC with SHA-1 by default; nil for other functions.
func hashOf(function string) func() hash.Hash {
	return map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.9": sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	}[function]
}
