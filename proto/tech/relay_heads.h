/*
 * relay_heads: what of a head a relay passes on.
 */
#ifndef PROTO_TECH_RELAY_HEADS_H
#define PROTO_TECH_RELAY_HEADS_H

#include "proto/http1/http1.h"

/* Appends the field lines of a head but those for this hop only (RFC 9110 7.6.1): the ones known to be, and whatever the
 * Connection field names. `also_not`: one more name to leave out, BYTES_NONE none. */
void relay_copy_fields(struct buf *out, const struct h1_head *h, struct bytes also_not);
/* Appends the Upgrade fields, and the Connection field they need (RFC 9110 7.8). */
void relay_copy_upgrade(struct buf *out, const struct h1_head *h);

#endif
