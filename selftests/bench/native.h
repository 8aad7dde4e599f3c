/* SPDX-License-Identifier: GPL-2.0 */
/* What the native bench and its C++ part share. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stddef.h>

#define RECORD		64
#define RING_RECORDS	3640	/* what a ring of 256 KiB holds of them */

#ifdef __cplusplus
extern "C" {
#endif

size_t boost_size(void);
void boost_make(void *place);
void boost_produce(void *place, long from, long to);
long boost_consume(void *place, long from, long to);

#ifdef __cplusplus
}
#endif

#endif /* NATIVE_H */
