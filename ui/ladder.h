/*
 * ladder: what one client (or one captured connection) lived through, as rows of a sequence diagram.
 *
 * Built once from a finished trace for a focus and a depth; drawing it at any time is then only looking up.
 *
 *   rows, by time        ARROW  a unit or packet from lane to lane, or to the place where it was lost
 *                        POINT  something that happens at one lane
 *                        SPAN   something said or done to the whole world
 *                        GAP    nothing for at least a second
 *   lanes                the nodes these rows speak of, client side first
 *   causes               [1], [2] …: rows that decided the fate of other rows, found by walking causes
 */
#ifndef UI_LADDER_H
#define UI_LADDER_H

#include "sim/trace/why.h"
#include "ui/canvas.h"

#define LADDER_ROWS_MAX 4000000u
#define LADDER_LANES_MAX 12

enum row_kind { ROW_ARROW, ROW_POINT, ROW_SPAN, ROW_GAP };
enum row_fate { FATE_ARRIVED, FATE_LOST, FATE_UNDER_WAY };

struct ladder_row {
	int64_t at, arrive;   /* arrive: or lost, or the end of a gap */
	uint64_t rec;         /* 0 for gaps */
	uint64_t fate_rec;    /* …_RECV or PKT_DROP, 0 none */
	uint64_t deliver;     /* the slowest MSG_DELIVER this unit brought about, 0 none */
	uint32_t label, note; /* offsets in ladder.text */
	uint8_t kind, fate, style, odd;
	int8_t from, to, lost_at; /* lanes; lost_at: the lane before or at which it was lost */
	bool lost_between;        /* lost between `lost_at` and the lane before it, not at it */
	uint16_t cause, see;      /* [n] of this cause; [n] of the cause of this row; 0 none */
};

struct ladder_focus {
	uint32_t client; /* from 1; 0: all */
	uint32_t conn;   /* only this connection; 0: all */
	unsigned depth;  /* 1 … 4 */
	bool ends;       /* only the two ends, no boxes */
};

struct ladder {
	const struct trace *tr;
	const struct why_index *ix;
	struct ladder_focus focus;
	struct ladder_row *row;
	size_t nrow, cap;
	uint16_t lane[LADDER_LANES_MAX]; /* node ids */
	unsigned nlane;
	struct buf text;
	uint32_t *pkt_drop; /* while building: the PKT_DROP of a packet by its number */
	uint64_t npkt;
	bool truncated;
};

/* Borrows trace and index. */
struct ladder *ladder_new(const struct trace *tr, const struct why_index *ix, struct ladder_focus f);
void ladder_free(struct ladder *l);
const char *ladder_text(const struct ladder *l, uint32_t off);
const char *ladder_lane_name(const struct ladder *l, unsigned lane);

/* Row positions; SIZE_MAX: none. Gaps are no positions. */
size_t ladder_last_at(const struct ladder *l, int64_t t); /* the last row with at <= t */
size_t ladder_next(const struct ladder *l, size_t row);
size_t ladder_prev(const struct ladder *l, size_t row);
size_t ladder_find_rec(
	const struct ladder *l, uint64_t rec); /* the row of this record, else the nearest before it */
/* The next row (forward or back) that is odd: lost, timed out, sent again, buffered. */
size_t ladder_odd(const struct ladder *l, size_t row, bool forward);
/* The next row whose label, note or sentence holds `text`, ignoring case. */
size_t ladder_search(const struct ladder *l, size_t row, bool forward, const char *text);

struct ladder_view {
	int64_t t, known; /* now; nothing after `known` is shown */
	size_t sel;       /* SIZE_MAX none */
	int pan;
	bool playing;
};

/* Draws head and rows into r. */
void ladder_draw(const struct ladder *l, const struct ladder_view *v, struct canvas *c, struct rect r);
/* "1.204" as in the time column. */
void ladder_clock(int64_t ns, char *out, size_t cap);

/* A few words for a record, without the names of lanes. Shared with the comparing view and plain mode. */
void ladder_words(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap);
enum style ladder_style(const struct trace *tr, const struct trace_rec *r);
bool ladder_is_unit_send(unsigned kind);
bool ladder_is_unit_recv(unsigned kind);

#endif
