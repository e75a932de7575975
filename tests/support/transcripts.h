/*
 * transcripts: what a decoder makes of some octets, written down line by line, however they are cut.
 *
 * Property tests compare the transcripts of the same input under different cuts; fuzz targets do the same with
 * whatever the fuzzer finds. The transcript of an input that was refused ends with the fault and its offset.
 */
#ifndef TESTS_SUPPORT_TRANSCRIPTS_H
#define TESTS_SUPPORT_TRANSCRIPTS_H

#include "proto/base/base.h"

/* Feeds `in` in pieces of at most `piece` octets, the first one of `first` octets (0: none), and writes to `log`. */
typedef void transcript_fn(
	struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece);

transcript_fn transcript_hpack;
transcript_fn transcript_h2;
transcript_fn transcript_h2_server;
transcript_fn transcript_h2_client;
transcript_fn transcript_qpack;
transcript_fn transcript_h3_request;
transcript_fn transcript_h3_uni;
transcript_fn transcript_capsule;
transcript_fn transcript_engineio;
transcript_fn transcript_grpc;
transcript_fn transcript_resp;

struct transcript_kind {
	const char *name;
	transcript_fn *run;
};
/* All of them, ended by a row without a name. */
extern const struct transcript_kind transcript_kinds[];

/* Runs `in` whole, octet by octet and with a first piece of `cut` octets; aborts when the transcripts differ. */
void transcript_check(transcript_fn *run, struct bytes in, size_t cut);

#endif
