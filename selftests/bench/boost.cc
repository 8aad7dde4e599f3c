// SPDX-License-Identifier: GPL-2.0
/*
 * The measure for a ring that never sleeps: Boost's single-producer
 * single-consumer queue, in shared memory, spun on from both sides.
 */
#include <boost/lockfree/spsc_queue.hpp>
#include <cstring>
#include <new>

#include "native.h"

namespace {

typedef boost::lockfree::spsc_queue<record, boost::lockfree::capacity<RING_RECORDS> > queue;

}

extern "C" size_t boost_size(void)
{
	return sizeof(queue);
}

extern "C" void boost_make(void *place)
{
	new (place) queue;
}

extern "C" void boost_produce(void *place, long from, long to)
{
	queue *q = static_cast<queue *>(place);

	for (; from < to; from++)
		while (!q->push(*record_of(from)))
			__builtin_ia32_pause();
}

extern "C" long boost_consume(void *place, long from, long to)
{
	queue *q = static_cast<queue *>(place);
	long wrong = 0;
	record one;

	for (; from < to; from++) {
		while (!q->pop(one))
			__builtin_ia32_pause();
		wrong += std::memcmp(one.bytes, record_of(from)->bytes, sizeof(from)) != 0;
	}
	return wrong;
}
