/*
 * doc_text: what is asked of a file before YAML sees it.
 */
#ifndef SIM_SCENARIO_DOC_TEXT_H
#define SIM_SCENARIO_DOC_TEXT_H

#include "sim/scenario/doc.h"

/* Size, byte order mark, UTF-8, control characters. Complains and returns false when something is wrong; else
 * *skip is the number of bytes of a byte order mark to skip. */
bool doc_text_check(struct doc *d, uint16_t src, size_t *skip);

#endif
