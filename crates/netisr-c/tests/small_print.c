/* What the header says of each call beyond its purpose, one after the other on one thread. */
#include <pthread.h>
#include <string.h>

#include "check.h"

static unsigned long handled, dropped;

static void handle(void *arg, void *state, const struct SidingPacket *packet)
{
	(void)arg;
	(void)state;
	(void)packet;
	handled++;
}

static void drop(void *arg, const struct SidingPacket *packet, enum SidingFate fate)
{
	(void)arg;
	(void)packet;
	(void)fate;
	dropped++;
}

static struct SidingNetisr *facility(void)
{
	struct SidingConfig config = {.workers = 1, .interfaces = 4};
	struct SidingNetisr *netisr;

	handled = dropped = 0;
	CHECK(siding_netisr_new(&config, &netisr));
	return netisr;
}

static struct SidingTypeSpec spec_of(const char *name, uint32_t limit)
{
	return (struct SidingTypeSpec){.name = name, .limit = limit, .handler = handle, .drop = drop};
}

/* A result that nobody can be told of is not brought about: all pointers are looked at first. */
static void nothing_is_done_for_a_place_that_is_null(void)
{
	struct SidingConfig config = {.workers = 1, .interfaces = 1};
	struct SidingNetisr *netisr = facility();
	struct SidingTypeSpec spec = spec_of("output", 1);
	struct SidingPacket packet = {.data = NULL};
	struct SidingWorker *worker;
	struct SidingPermit *permit;
	struct SidingType *kind;
	struct SidingUnregistering *leaving;
	struct SidingDeparture *departure;
	char odd[sizeof(struct SidingPolled) + 1];
	struct SidingPolled *askew = (struct SidingPolled *)(void *)(((uintptr_t)odd & 1) ? odd : odd + 1);
	uint64_t id;

	ANSWERS(SIDING_E_ARGUMENT, siding_netisr_new(&config, NULL));
	ANSWERS(SIDING_E_ARGUMENT, siding_netisr_new(NULL, &netisr));
	ANSWERS(SIDING_E_ARGUMENT, siding_register(netisr, &spec, NULL));
	ANSWERS(SIDING_E_GONE, siding_type_report(netisr, "output", &(struct SidingCounters){0}));
	CHECK(siding_register(netisr, &spec, &kind));

	ANSWERS(SIDING_E_ARGUMENT, siding_attach(netisr, NULL));
	CHECK(siding_attach(netisr, &id));
	THAT((id & 0xffff) == 0); /* the first place: it was not taken before */
	ANSWERS(SIDING_E_ARGUMENT, siding_reserve(kind, NULL, NULL));
	CHECK(siding_reserve(kind, NULL, &permit));
	siding_permit_free(permit);

	ANSWERS(SIDING_E_ARGUMENT, siding_detach(netisr, id, NULL));
	packet.interfaces[0] = id;
	CHECK(siding_dispatch(kind, &packet));

	ANSWERS(SIDING_E_ARGUMENT, siding_worker_claim(netisr, 0, NULL, NULL, NULL));
	CHECK(siding_worker_claim(netisr, 0, NULL, NULL, &worker));
	ANSWERS(SIDING_E_ARGUMENT, siding_worker_prepare_sleep(worker, NULL, SIDING_HERE));
	ANSWERS(SIDING_E_ARGUMENT, siding_worker_poll(worker, 64, askew, SIDING_HERE));
	THAT(strstr(siding_last_error(), "aligned") != NULL);
	ANSWERS(SIDING_E_ARGUMENT, siding_worker_poll(worker, 64, NULL, NULL));
	THAT(handled == 0);
	CHECK(siding_worker_poll(worker, 64, NULL, SIDING_HERE));
	THAT(handled == 1);

	ANSWERS(SIDING_E_ARGUMENT, siding_type_report(netisr, "output", NULL));
	ANSWERS(SIDING_E_ARGUMENT, siding_interface_report(netisr, id, NULL));
	ANSWERS(SIDING_E_ARGUMENT, siding_unregister(netisr, kind, true, NULL));
	CHECK(siding_dispatch(kind, &packet));
	CHECK(siding_detach(netisr, id, &departure));
	ANSWERS(SIDING_E_ARGUMENT, siding_departure_wait(departure, 0, NULL));
	CHECK(siding_departure_free(departure));
	CHECK(siding_unregister(netisr, kind, true, &leaving));
	CHECK(siding_unregistering_free(leaving));
	CHECK(siding_worker_release(worker));
	siding_type_free(kind);
	siding_netisr_free(netisr);
	THAT(dropped == 1);
}

/* A batch that is tried until it has gone: each packet is handled once, whether it has data or not. */
static void a_batch_can_be_tried_again(void)
{
	struct SidingNetisr *netisr = facility();
	struct SidingTypeSpec spec = spec_of("output", 3);
	struct SidingPacket batch[80];
	struct SidingCounters counters;
	struct SidingWorker *worker;
	struct SidingType *kind;
	size_t count, at, tries = 0;
	uint64_t ids[2];

	CHECK(siding_register(netisr, &spec, &kind));
	CHECK(siding_worker_claim(netisr, 0, NULL, NULL, &worker));
	CHECK(siding_attach(netisr, &ids[0]));
	for (at = 0; at < 80; at++)
		batch[at] = (struct SidingPacket){.data = NULL, .interfaces = {ids[0]}, .meta = {at}};
	for (count = 80; count != 0; tries++) {
		CHECK(siding_dispatch_batch(kind, batch, &count));
		for (at = 0; at < count; at++)
			THAT(batch[at].meta[0] == 80 - count + at); /* in their order */
		CHECK(siding_worker_poll(worker, 64, NULL, SIDING_HERE));
	}
	THAT(handled == 80 && tries == 27);
	CHECK(siding_type_report(netisr, "output", &counters));
	THAT(counters.accepted == 80 && counters.handled == 80);

	/* Refused in the middle: one that nobody was given. */
	ids[1] = ids[0] + (1 << 16);
	for (at = 0; at < 3; at++)
		batch[at] = (struct SidingPacket){.interfaces = {ids[at == 1]}, .meta = {at}};
	count = 3;
	CHECK(siding_dispatch_batch(kind, batch, &count));
	THAT(count == 1 && batch[0].meta[0] == 1 && batch[0].interfaces[0] == ids[1]);

	count = 0;
	CHECK(siding_dispatch_batch(kind, NULL, &count));
	ANSWERS(SIDING_E_ARGUMENT, siding_dispatch_batch(kind, batch, NULL));
	ANSWERS(SIDING_E_ARGUMENT, siding_dispatch_batch(NULL, batch, &count));
	count = SIZE_MAX;
	ANSWERS(SIDING_E_ARGUMENT, siding_dispatch_batch(kind, batch, &count));
	count = 1;
	ANSWERS(SIDING_E_ARGUMENT, siding_dispatch_batch(kind, NULL, &count));
	THAT(count == 1);
	CHECK(siding_worker_release(worker));
	siding_type_free(kind);
	siding_netisr_free(netisr);
}

static pthread_key_t at_the_end;
static bool has_ended;

/* A thread's end may run what locks: here, when all that C++ and Rust keep for a thread has gone. */
static void end(void *arg)
{
	struct SidingType *kind = arg;
	struct SidingPacket packet = {.data = NULL};
	int lock = 0;

	CHECK(siding_lock_taken(&lock, SIDING_HERE));
	ANSWERS(SIDING_E_LOCKED, siding_may_send(SIDING_HERE));
	THAT(strlen(siding_last_error()) > 0);
	CHECK(siding_dispatch(kind, &packet));
	CHECK(siding_lock_released(&lock));
	ANSWERS(SIDING_E_ARGUMENT, siding_lock_released(&lock));
	CHECK(siding_may_send(SIDING_HERE));
	has_ended = true;
}

static void *live(void *kind)
{
	struct SidingPacket packet = {.data = NULL};
	int lock = 0;

	CHECK(siding_dispatch(kind, &packet));
	CHECK(siding_lock_taken(&lock, SIDING_HERE));
	ANSWERS(SIDING_E_LOCKED, siding_may_send(SIDING_HERE));
	THAT(strstr(siding_last_error(), "small_print.c:") != NULL);
	CHECK(siding_lock_released(&lock));
	pthread_setspecific(at_the_end, kind);
	return NULL;
}

static void a_thread_may_lock_at_its_end(void)
{
	struct SidingNetisr *netisr = facility();
	struct SidingTypeSpec spec = spec_of("output", 3);
	struct SidingWorker *worker;
	struct SidingType *kind;
	pthread_t thread;

	CHECK(siding_register(netisr, &spec, &kind));
	pthread_key_create(&at_the_end, end);
	pthread_create(&thread, NULL, live, kind);
	pthread_join(thread, NULL);
	THAT(has_ended);
	CHECK(siding_worker_claim(netisr, 0, NULL, NULL, &worker));
	CHECK(siding_worker_poll(worker, 64, NULL, SIDING_HERE));
	THAT(handled == 2);
	CHECK(siding_worker_release(worker));
	siding_type_free(kind);
	siding_netisr_free(netisr);
}

/* Locks may be let go in any order, and what is told of the innermost is the place, however long it is. */
static void places_are_named_by_their_ends(void)
{
	char place[400], text[8];
	int locks[40] = {0};
	size_t at;

	for (at = 0; at < 40; at++) {
		memset(place, '/', sizeof place);
		snprintf(place + 390, 10, "c.c:%zu", at);
		CHECK(siding_lock_taken(&locks[at], place));
	}
	for (at = 0; at < 39; at++)
		CHECK(siding_lock_released(&locks[at]));
	ANSWERS(SIDING_E_LOCKED, siding_may_send(SIDING_HERE));
	THAT(strstr(siding_last_error(), "/c.c:39 is held") != NULL);
	snprintf(text, sizeof text, "%s", "c.c:\xe4");
	CHECK(siding_lock_taken(&locks[0], text)); /* no UTF-8 */
	ANSWERS(SIDING_E_LOCKED, siding_may_send(SIDING_HERE));
	CHECK(siding_lock_released(&locks[0]));
	CHECK(siding_lock_released(&locks[39]));
	ANSWERS(SIDING_E_ARGUMENT, siding_lock_taken(&locks[0], NULL));
	CHECK(siding_may_send(SIDING_HERE));
}

/* What was said of an earlier call is not said of a refusal. */
static void a_refusal_has_its_own_text(void)
{
	struct SidingNetisr *netisr = facility();
	struct SidingTypeSpec spec = spec_of("output", 1);
	struct SidingPacket packet = {.interfaces = {77}};
	struct SidingPermit *permit;
	struct SidingType *kind;

	CHECK(siding_register(netisr, &spec, &kind));
	ANSWERS(SIDING_E_ARGUMENT, siding_attach(netisr, NULL));
	ANSWERS(SIDING_E_DEPARTED, siding_dispatch(kind, &packet));
	THAT(strcmp(siding_last_error(), siding_error_text(SIDING_E_DEPARTED)) == 0);
	CHECK(siding_reserve(kind, NULL, &permit));
	ANSWERS(SIDING_E_FULL, siding_reserve(kind, NULL, &permit));
	THAT(strcmp(siding_last_error(), siding_error_text(SIDING_E_FULL)) == 0);
	ANSWERS(SIDING_E_DEPARTED, siding_permit_dispatch(permit, &packet));
	THAT(strcmp(siding_last_error(), siding_error_text(SIDING_E_DEPARTED)) == 0);
	ANSWERS(SIDING_E_ARGUMENT, siding_attach(netisr, NULL));
	THAT(strstr(siding_last_error(), "NULL") != NULL);
	siding_type_free(kind);
	siding_netisr_free(netisr);
}

int main(void)
{
	a_thread_may_lock_at_its_end();
	places_are_named_by_their_ends();
	a_refusal_has_its_own_text();
	a_batch_can_be_tried_again();
	nothing_is_done_for_a_place_that_is_null();
	printf("the small print holds\n");
	return 0;
}
