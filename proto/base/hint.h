/*
 * hint: what a compiler cannot know: how often something happens. Nothing else depends on it.
 *
 * Used where millions of segments, events and messages pass: what is rare is laid out of their way, and registers are saved there
 * instead of at the door.
 */
#ifndef PROTO_BASE_HINT_H
#define PROTO_BASE_HINT_H

#define often(x) __builtin_expect(!!(x), 1)
#define rare(x) __builtin_expect(!!(x), 0)
/* A function that few connections, or few moments of one, ever come to. */
#define COLD __attribute__((cold, noinline))
/* One that is called again and again, but apart from its callers: their straight way has the registers. */
#define APART __attribute__((noinline))

#endif
