/*
 * ui_fixture: a small trace made by hand, for tests of the views: one phone behind a NAT that forgets, a proxy
 * and a server, over WebSocket; a ping, a delivered message, a lost one with its retransmissions.
 */
#ifndef TESTS_SUPPORT_UI_FIXTURE_H
#define TESTS_SUPPORT_UI_FIXTURE_H

#include "sim/trace/trace.h"

/* The WebSocket story of 64 s. `hostile`: texts and payloads full of escape sequences, wide and broken UTF-8. */
struct trace *ui_fixture(bool hostile);
/* Short polling of the same messages; ends after 64 s too. */
struct trace *ui_fixture_polling(void);

#endif
