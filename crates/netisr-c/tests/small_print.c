/* What the header says of each call beyond its purpose, one after the other on one thread. */
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

int main(void)
{
	nothing_is_done_for_a_place_that_is_null();
	printf("the small print holds\n");
	return 0;
}
