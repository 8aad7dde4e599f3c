/* SPDX-License-Identifier: GPL-2.0 */
/* What the native bench and its C++ part share. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stddef.h>

#define RECORD		64	/* bytes */
#define RING_BYTES	(4 * 1024 * 1024)
#define RING_RECORDS	(RING_BYTES / (RECORD + 8))	/* each has 8 bytes before it */

/*
 * What is sent, over and over, each with its number in it.  Made beforehand: a
 * store into a record just before a wider load of it would stall the CPU until
 * all stores before are through, and measure nothing else.
 */
#define RECORDS		64

struct record {
	char bytes[RECORD];
};

#ifdef __cplusplus
extern "C" {
#endif

extern struct record records[RECORDS];

size_t boost_size(void);
void boost_make(void *place);
void boost_produce(void *place, long from, long to);
long boost_consume(void *place, long from, long to);

#ifdef __cplusplus
}
#endif

static inline const struct record *record_of(long number)
{
	return &records[number % RECORDS];
}

#endif /* NATIVE_H */
