declare module 'tollgate:crypto/crypto@0.1.0' {
  /**
   * Is `signature` that of `message`? ECDSA signatures are the two numbers, one behind the other (RFC 7518 §3.4).
   */
  export function verify(algorithm: Algorithm, key: Key, message: Uint8Array, signature: Uint8Array): boolean;
  /**
   * Signature algorithms by their JOSE names (RFC 7518 §3.1, RFC 8037). There is no `none`.
   * # Variants
   * 
   * ## `"rs256"`
   * 
   * ## `"rs384"`
   * 
   * ## `"rs512"`
   * 
   * ## `"ps256"`
   * 
   * ## `"ps384"`
   * 
   * ## `"ps512"`
   * 
   * ## `"es256"`
   * 
   * ## `"es384"`
   * 
   * ## `"eddsa"`
   * 
   * ## `"hs256"`
   * 
   * ## `"hs384"`
   * 
   * ## `"hs512"`
   */
  export type Algorithm = 'rs256' | 'rs384' | 'rs512' | 'ps256' | 'ps384' | 'ps512' | 'es256' | 'es384' | 'eddsa' | 'hs256' | 'hs384' | 'hs512';
  /**
   * Big-endian, without leading zeros.
   */
  export interface RsaKey {
    modulus: Uint8Array,
    exponent: Uint8Array,
  }
  /**
   * Coordinates, padded to the curve's size.
   */
  export interface EcKey {
    x: Uint8Array,
    y: Uint8Array,
  }
  /**
   * A key is of one kind, and an algorithm takes keys of its own kind only: confusing them is an error.
   */
  export type Key = KeyRsa | KeyP256 | KeyP384 | KeyEd25519 | KeySecret;
  export interface KeyRsa {
    tag: 'rsa',
    val: RsaKey,
  }
  export interface KeyP256 {
    tag: 'p256',
    val: EcKey,
  }
  export interface KeyP384 {
    tag: 'p384',
    val: EcKey,
  }
  export interface KeyEd25519 {
    tag: 'ed25519',
    val: Uint8Array,
  }
  export interface KeySecret {
    tag: 'secret',
    val: Uint8Array,
  }
  export type CryptoError = CryptoErrorInvalidKey | CryptoErrorOther;
  /**
   * The key doesn't belong to the algorithm, or is none, or is too weak: RSA under 2048 bits, an empty secret.
   */
  export interface CryptoErrorInvalidKey {
    tag: 'invalid-key',
    val: string,
  }
  /**
   * Something else, in words.
   */
  export interface CryptoErrorOther {
    tag: 'other',
    val: string,
  }
}
