/*
 * Keys that need no secret: those of Initial and Retry packets (RFC 9001 5.2, 5.4, 5.8; RFC 9369 3.3 for version 2).
 *
 *	initial_salt ─HKDF-Extract─ DCID ─▶ initial_secret ─"client in"/"server in"─▶ secret ─▶ key, iv, hp
 */
#include "proto/quic/quic.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static const uint8_t salt_v1[20] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6,
	0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
static const uint8_t salt_v2[20] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe,
	0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

static bool hmac(const uint8_t *key, size_t key_n, const uint8_t *data, size_t n, uint8_t out[32])
{
	unsigned len = 32;
	return HMAC(EVP_sha256(), key, (int)key_n, data, n, out, &len) != NULL && len == 32;
}

bool quic_hkdf_label(const uint8_t secret[32], const char *label, uint8_t *out, size_t n)
{
	/* HkdfLabel: length, "tls13 " + label, empty context; one block of HKDF-Expand is enough. */
	uint8_t info[2 + 1 + 6 + 32 + 1 + 1], block[32];
	size_t l = strlen(label), at = 0;
	if (n > 32 || l > 32)
		return false;
	info[at++] = 0;
	info[at++] = (uint8_t)n;
	info[at++] = (uint8_t)(6 + l);
	memcpy(info + at, "tls13 ", 6);
	memcpy(info + at + 6, label, l);
	at += 6 + l;
	info[at++] = 0;
	info[at++] = 1;
	if (!hmac(secret, 32, info, at, block))
		return false;
	memcpy(out, block, n);
	return true;
}

bool quic_initial_keys(uint32_t version, struct bytes dcid, bool client, struct quic_keys *k)
{
	bool v2 = version == QUIC_VERSION_2;
	uint8_t initial[32], none = 0;
	return hmac(v2 ? salt_v2 : salt_v1, 20, dcid.n ? dcid.p : &none, dcid.n, initial) &&
	       quic_hkdf_label(initial, client ? "client in" : "server in", k->secret, 32) &&
	       quic_hkdf_label(k->secret, v2 ? "quicv2 key" : "quic key", k->key, 16) &&
	       quic_hkdf_label(k->secret, v2 ? "quicv2 iv" : "quic iv", k->iv, 12) &&
	       quic_hkdf_label(k->secret, v2 ? "quicv2 hp" : "quic hp", k->hp, 16);
}

bool quic_hp_mask(const uint8_t hp[16], const uint8_t sample[16], uint8_t mask[5])
{
	uint8_t block[32];
	int n = 0;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok = c && EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, hp, NULL) == 1 &&
		  EVP_EncryptUpdate(c, block, &n, sample, 16) == 1 && n == 16;
	EVP_CIPHER_CTX_free(c);
	if (ok)
		memcpy(mask, block, 5);
	return ok;
}

/* AES-128-GCM in either direction; `tag` is checked or written. `out` has n octets. */
static bool gcm(bool seal, const uint8_t key[16], const uint8_t nonce[12], struct bytes aad, struct bytes in,
	uint8_t *out, uint8_t tag[16])
{
	int n = 0, last = 0;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok = c && EVP_CipherInit_ex(c, EVP_aes_128_gcm(), NULL, key, nonce, seal) == 1;
	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, 16, tag) == 1;
	if (ok && aad.n)
		ok = EVP_CipherUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1;
	if (ok && in.n)
		ok = EVP_CipherUpdate(c, out, &n, in.p, (int)in.n) == 1;
	ok = ok && EVP_CipherFinal_ex(c, out + (in.n ? n : 0), &last) == 1;
	if (ok && seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

static void make_nonce(const struct quic_keys *k, uint64_t pn, uint8_t nonce[12])
{
	memcpy(nonce, k->iv, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(pn >> (8 * i));
}

bool quic_initial_open(const struct quic_keys *k, struct bytes packet, uint64_t largest_pn,
	struct quic_header *h, struct buf *plain)
{
	struct perr err;
	uint8_t mask[5], nonce[12], tag[16];
	struct buf head;
	if (!quic_header_read(packet, 0, h, &err) || h->type != QUIC_INITIAL || h->end - h->pn_off < 4 + 16)
		return false;
	if (!quic_hp_mask(k->hp, packet.p + h->pn_off + 4, mask))
		return false;
	h->first ^= mask[0] & 0x0f;
	h->pn_len = (h->first & 3) + 1u;
	h->reserved = h->first & 0x0c;
	h->payload_off = h->pn_off + h->pn_len;
	buf_init(&head, plain->al, SIZE_MAX);
	buf_u8(&head, h->first);
	buf_add(&head, bytes_sub(packet, 1, h->pn_off - 1));
	h->pn = 0;
	for (unsigned i = 0; i < h->pn_len; i++) {
		unsigned octet = packet.p[h->pn_off + i] ^ mask[1 + i];
		buf_u8(&head, octet);
		h->pn = h->pn << 8 | octet;
	}
	h->pn = largest_pn == UINT64_MAX ? h->pn : quic_pn_decode(largest_pn, h->pn, 8 * h->pn_len);
	make_nonce(k, h->pn, nonce);
	size_t n = h->end - h->payload_off;
	bool ok = n >= 16 && !head.failed && buf_reserve(plain, n);
	if (ok) {
		memcpy(tag, packet.p + h->end - 16, 16);
		ok = gcm(false, k->key, nonce, buf_bytes(&head), bytes_sub(packet, h->payload_off, n - 16),
			plain->p + plain->n, tag);
		plain->n += ok ? n - 16 : 0;
	}
	buf_fini(&head);
	return ok;
}

bool quic_initial_seal(const struct quic_keys *k, struct bytes header, size_t pn_off, unsigned pn_len,
	uint64_t pn, struct bytes plain, struct buf *out)
{
	uint8_t nonce[12], tag[16], mask[5];
	size_t start = out->n;
	make_nonce(k, pn, nonce);
	buf_add(out, header);
	if (plain.n + pn_len < 4 || !buf_reserve(out, plain.n + 16))
		return false; /* too short to sample, RFC 9001 5.4.2 */
	if (!gcm(true, k->key, nonce, header, plain, out->p + out->n, tag))
		return false;
	out->n += plain.n;
	buf_add(out, (struct bytes){tag, 16});
	if (out->failed || !quic_hp_mask(k->hp, out->p + start + pn_off + 4, mask))
		return false;
	out->p[start] ^= mask[0] & (out->p[start] & 0x80 ? 0x0f : 0x1f);
	for (unsigned i = 0; i < pn_len; i++)
		out->p[start + pn_off + i] ^= mask[1 + i];
	return true;
}

bool quic_retry_tag(uint32_t version, struct bytes odcid, struct bytes retry, uint8_t tag[16])
{
	static const uint8_t key_v1[16] = {0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b,
		0x54, 0xe3, 0x68, 0xc8, 0x4e};
	static const uint8_t nonce_v1[12] = {
		0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb};
	static const uint8_t key_v2[16] = {0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb,
		0xce, 0xad, 0x7c, 0xcc, 0x92};
	static const uint8_t nonce_v2[12] = {
		0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a};
	bool v2 = version == QUIC_VERSION_2;
	struct buf pseudo;
	uint8_t none;
	buf_init(&pseudo, &alloc_libc, SIZE_MAX);
	buf_u8(&pseudo, (unsigned)odcid.n);
	buf_add(&pseudo, odcid);
	buf_add(&pseudo, retry);
	bool ok = !pseudo.failed && gcm(true, v2 ? key_v2 : key_v1, v2 ? nonce_v2 : nonce_v1,
					    buf_bytes(&pseudo), BYTES_NONE, &none, tag);
	buf_fini(&pseudo);
	return ok;
}
