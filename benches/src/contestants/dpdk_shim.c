/*
 * DPDK's rte_ring by value, as plain functions: the ring itself is inline code in DPDK's headers, which Rust cannot
 * call. No EAL is set up: a ring in memory of our own needs none.
 *
 * A payload of 64 bytes is enqueued as four elements of 16 bytes. One element of 64 would do as well, but rte_ring
 * copies such elements in words of 32 bits and only those of 16 bytes with vector instructions, and a peer is shown
 * at its best: on one thread 6 ns (8 in one process of ten) against 12.5 ns single, and 3.5 against 7.2 ns in
 * batches (SP/SC). To see the other, set CFLAGS=-DSIDING_ELEMENT=64.
 *
 * All enqueues are all-or-nothing and of whole payloads, so what can be dequeued is always a whole number of payloads.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#ifndef SIDING_ELEMENT
#define SIDING_ELEMENT 16
#endif
#define PARTS (64 / SIDING_ELEMENT)

/* A ring for `payloads` - 1 payloads (a power of two), single-consumer; NULL if it cannot be made. */
struct rte_ring *siding_ring_new(unsigned int payloads, int many_producers)
{
	ssize_t bytes = rte_ring_get_memsize_elem(SIDING_ELEMENT, payloads * PARTS);
	unsigned int flags = RING_F_SC_DEQ | (many_producers ? 0 : RING_F_SP_ENQ);
	struct rte_ring *ring = NULL;

	if (bytes < 0 || posix_memalign((void **)&ring, 4096, bytes) != 0)
		return NULL;
	memset(ring, 0, bytes);
	if (rte_ring_init(ring, "siding", payloads * PARTS, flags) != 0) {
		free(ring);
		return NULL;
	}
	return ring;
}

void siding_ring_free(struct rte_ring *ring)
{
	free(ring);
}

/* Each: `count` payloads of 64 bytes, contiguous; the number that was enqueued, all or none. */
unsigned int siding_ring_sp_push(struct rte_ring *ring, const void *payload)
{
	return rte_ring_sp_enqueue_bulk_elem(ring, payload, SIDING_ELEMENT, PARTS, NULL) / PARTS;
}

unsigned int siding_ring_mp_push(struct rte_ring *ring, const void *payload)
{
	return rte_ring_mp_enqueue_bulk_elem(ring, payload, SIDING_ELEMENT, PARTS, NULL) / PARTS;
}

unsigned int siding_ring_sp_push_batch(struct rte_ring *ring, const void *payloads, unsigned int count)
{
	return rte_ring_sp_enqueue_bulk_elem(ring, payloads, SIDING_ELEMENT, count * PARTS, NULL) / PARTS;
}

unsigned int siding_ring_mp_push_batch(struct rte_ring *ring, const void *payloads, unsigned int count)
{
	return rte_ring_mp_enqueue_bulk_elem(ring, payloads, SIDING_ELEMENT, count * PARTS, NULL) / PARTS;
}

/* Up to `count` payloads into `room`; the number that was dequeued. */
unsigned int siding_ring_pop(struct rte_ring *ring, void *room)
{
	return rte_ring_sc_dequeue_bulk_elem(ring, room, SIDING_ELEMENT, PARTS, NULL) / PARTS;
}

unsigned int siding_ring_pop_batch(struct rte_ring *ring, void *room, unsigned int count)
{
	return rte_ring_sc_dequeue_burst_elem(ring, room, SIDING_ELEMENT, count * PARTS, NULL) / PARTS;
}
