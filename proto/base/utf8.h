/*
 * utf8: validation that resumes anywhere, and the replacing decoder of the web.
 *
 *   state 0 is "between two characters"; any other state says which continuation octets may come next.
 *
 * RFC 3629 (no surrogates, nothing above U+10FFFF, shortest form only); WHATWG Encoding, "UTF-8 decode".
 */
#ifndef PROTO_BASE_UTF8_H
#define PROTO_BASE_UTF8_H

#include "proto/base/base.h"

#define UTF8_START 0u  /* a complete character ends here */
#define UTF8_REJECT 1u /* no continuation can make this well-formed */

/* Goes on validating with `b` from `*state` (UTF8_START at first). Returns the number of octets taken: b.n when all
 * are well-formed so far, else the index of the octet that makes the text ill-formed (*state is then UTF8_REJECT). */
size_t utf8_check(uint8_t *state, struct bytes b);

/* The whole of `b` is well-formed and ends between two characters. */
bool utf8_valid(struct bytes b);

/* Appends `b` with every maximal ill-formed part replaced by U+FFFD, as a browser decodes text. */
void utf8_replace(struct buf *out, struct bytes b);

/* Appends the code point `cp` (U+FFFD in place of what no UTF-8 can hold). */
void utf8_put(struct buf *out, uint32_t cp);

#endif
