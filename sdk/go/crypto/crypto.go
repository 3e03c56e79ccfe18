// Package crypto has what the gateway computes many times faster than a policy. Needs no grant.
package crypto

import (
	contract "github.com/tollgate/tollgate/sdk/go/contract/imports/tollgate_crypto_crypto"
	"github.com/tollgate/tollgate/sdk/go/tollgate"
)

// VerifyHMAC tells whether signature is the HMAC-SHA256 of message. Compared in constant time.
func VerifyHMAC(secret, message, signature []byte) (bool, error) {
	result := contract.Verify(contract.Algorithm_Hs256, contract.MakeKeySecret(secret), message, signature)
	err := tollgate.Refused("verify a signature", result, "invalid-key")
	if err != nil && result.Err().Tag() == contract.CryptoError_InvalidKey {
		return false, &tollgate.Error{Doing: "verify a signature", Code: "invalid-key", Detail: result.Err().InvalidKey()}
	}
	return result.Ok(), err
}
