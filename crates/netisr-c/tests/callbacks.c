/* What a program's own functions may call while the facility is in them, and what they must not: the answers are the
 * same in all of them, wherever the facility calls them from. */
#include <string.h>

#include "check.h"

enum place { HANDLER, DROP_IN_DRAIN, DROP_IN_SWEEP, DROP_IN_WAIT, DROP_AT_END, DEPART, WAKE, PLACES };

static struct SidingNetisr *netisr;
/* The type whose functions try everything; and one whose packets are only counted. */
static struct SidingType *tried, *other;
/* The worker that is polled, and one that nobody is using. */
static struct SidingWorker *own, *idle;
static struct SidingDeparture *departure;
static struct SidingUnregistering *leaving;
static uint64_t stays;
static unsigned long counted, sent;
/* Where `drop` will be called from next. */
static enum place drops = DROP_IN_DRAIN;
static bool is_trying, is_tried[PLACES];

/* Refused, with the name of the function that the program is in. */
static void refused(int answer, const char *name, const char *call, const char *here)
{
	check_answer(answer, SIDING_E_LOCKED, call, here);
	check_that(strstr(siding_last_error(), name) != NULL, siding_last_error(), here);
}

#define REFUSED(call) refused((call), name, #call, SIDING_HERE)

static void count(void *arg, void *state, const struct SidingPacket *packet)
{
	(void)arg;
	(void)state;
	(void)packet;
	counted++;
}

static struct SidingPacket packet_of(uint64_t id)
{
	return (struct SidingPacket){.interfaces = {id}};
}

static void what_is_refused(enum place place, const char *name)
{
	bool asleep;

	if (idle != NULL) {
		REFUSED(siding_worker_poll(idle, 64, NULL, SIDING_HERE));
		REFUSED(siding_worker_prepare_sleep(idle, &asleep, SIDING_HERE));
	}
	if (own != NULL) {
		REFUSED(siding_worker_poll(own, 64, NULL, SIDING_HERE));
		REFUSED(siding_worker_prepare_sleep(own, &asleep, SIDING_HERE));
	}
	if (own != NULL && place != WAKE) {
		/* In the middle of its poll. */
		REFUSED(siding_worker_awake(own));
		REFUSED(siding_worker_release(own));
	}
	if (departure != NULL)
		REFUSED(siding_departure_wait(departure, 0, SIDING_HERE));
	if (leaving != NULL) {
		REFUSED(siding_unregistering_wait(leaving, 0, SIDING_HERE));
		/* In the middle of its wait. */
		REFUSED(siding_unregistering_free(leaving));
	}
}

static void what_is_not(void)
{
	struct SidingPacket packet = packet_of(stays), batch[2] = {packet, packet};
	struct SidingPermit *permit;
	size_t count = 2;

	CHECK(siding_may_send(SIDING_HERE));
	CHECK(siding_lock_taken(&own, SIDING_HERE));
	CHECK(siding_dispatch(other, &packet));
	CHECK(siding_dispatch_batch(other, batch, &count));
	CHECK(siding_reserve(other, NULL, &permit));
	CHECK(siding_permit_dispatch(permit, &packet));
	CHECK(siding_reserve(other, NULL, &permit));
	siding_permit_free(permit);
	sent += 4;
	ANSWERS(SIDING_E_LOCKED, siding_may_send(SIDING_HERE));
	CHECK(siding_lock_released(&own));
}

static void what_control_may_do(void)
{
	struct SidingConfig config = {.workers = 1, .interfaces = 1};
	struct SidingTypeSpec spec = {.handler = count};
	struct SidingUnregistering *going;
	struct SidingDeparture *goes;
	struct SidingNetisr *another;
	struct SidingCounters counters;
	struct SidingWorker *third;
	struct SidingType *moment;
	char name[32];
	uint64_t id;

	CHECK(siding_attach(netisr, &id));
	CHECK(siding_detach(netisr, id, &goes));
	CHECK(siding_departure_free(goes));
	/* It is gone only when all workers have come by. */
	snprintf(name, sizeof name, "for a moment %lu", sent);
	spec.name = name;
	CHECK(siding_register(netisr, &spec, &moment));
	CHECK(siding_unregister(netisr, moment, true, &going));
	CHECK(siding_unregistering_free(going));
	siding_type_free(moment);
	CHECK(siding_interface_report(netisr, stays, &counters));
	CHECK(siding_type_report(netisr, "other", &counters));
	CHECK(siding_worker_claim(netisr, 2, NULL, NULL, &third));
	CHECK(siding_worker_release(third));
	CHECK(siding_netisr_new(&config, &another));
	siding_netisr_free(another);
}

static void try_all(enum place place, const char *name)
{
	/* Once in each place: what is done here has the workers come by again. */
	if (is_trying || is_tried[place])
		return;
	is_trying = is_tried[place] = true;
	what_is_refused(place, name);
	what_is_not();
	if (netisr != NULL)
		what_control_may_do();
	is_trying = false;
}

static void handle(void *arg, void *state, const struct SidingPacket *packet)
{
	(void)arg;
	(void)state;
	(void)packet;
	try_all(HANDLER, "handler");
}

static void drop(void *arg, const struct SidingPacket *packet, enum SidingFate fate)
{
	(void)arg;
	(void)packet;
	(void)fate;
	try_all(drops, "drop");
}

static const struct SidingStays *asked_before;

static void depart(void *state, const struct SidingStays *asked)
{
	(void)state;
	THAT(siding_stays(asked, stays) && !siding_stays(asked, stays + (1 << 16)));
	THAT(!siding_stays(NULL, stays));
	asked_before = asked;
	try_all(DEPART, "depart");
}

static void wake(void *arg, size_t worker)
{
	(void)arg;
	(void)worker;
	try_all(WAKE, "wake");
}

static void poll_all(struct SidingWorker *worker)
{
	struct SidingPolled polled;

	do
		CHECK(siding_worker_poll(worker, 64, &polled, SIDING_HERE));
	while (polled.more);
}

/* All to worker 0. */
static void register_tried(void)
{
	struct SidingTypeSpec spec = {.name = "tried", .limit = 1, .drop_oldest = true, .by_flow = true};

	spec.handler = handle;
	spec.drop = drop;
	CHECK(siding_register(netisr, &spec, &tried));
}

static void on_a_worker(void)
{
	struct SidingPacket packet = packet_of(stays);
	bool asleep = false;
	uint64_t goes;

	CHECK(siding_dispatch(tried, &packet));
	poll_all(own);
	THAT(is_tried[HANDLER]);
	/* The first makes room for the second. */
	CHECK(siding_dispatch(tried, &packet));
	CHECK(siding_dispatch(tried, &packet));
	poll_all(own);
	THAT(is_tried[DROP_IN_DRAIN]);

	CHECK(siding_attach(netisr, &goes));
	packet = packet_of(goes);
	CHECK(siding_dispatch(tried, &packet));
	CHECK(siding_detach(netisr, goes, &departure));
	drops = DROP_IN_SWEEP;
	poll_all(own);
	THAT(is_tried[DROP_IN_SWEEP] && is_tried[DEPART]);
	THAT(!siding_stays(asked_before, stays) && strstr(siding_last_error(), "depart") != NULL);
	poll_all(idle);
	CHECK(siding_departure_wait(departure, 60000, SIDING_HERE));
	CHECK(siding_departure_free(departure));
	departure = NULL;

	packet = packet_of(stays);
	while (!asleep) {
		poll_all(own);
		CHECK(siding_worker_prepare_sleep(own, &asleep, SIDING_HERE));
	}
	CHECK(siding_dispatch(tried, &packet));
	THAT(is_tried[WAKE]);
	CHECK(siding_worker_awake(own));
	poll_all(own);
	poll_all(idle);
	THAT(counted == sent);
}

/* What waits for workers that nobody has is dropped by who waits, or by who gives back the last handle. */
static void with_no_worker(void)
{
	struct SidingPacket packet = packet_of(stays);

	CHECK(siding_dispatch(tried, &packet));
	CHECK(siding_unregister(netisr, tried, true, &leaving));
	drops = DROP_IN_WAIT;
	CHECK(siding_unregistering_wait(leaving, 60000, SIDING_HERE));
	THAT(is_tried[DROP_IN_WAIT]);
	CHECK(siding_unregistering_free(leaving));
	leaving = NULL;
	siding_type_free(tried);

	register_tried();
	CHECK(siding_dispatch(tried, &packet));
	siding_netisr_free(netisr);
	netisr = NULL;
	drops = DROP_AT_END;
	siding_type_free(tried);
	THAT(is_tried[DROP_AT_END]);
	siding_type_free(other);
}

int main(void)
{
	struct SidingConfig config = {.workers = 3, .interfaces = 64, .wake = wake};
	struct SidingTypeSpec spec = {.name = "other", .limit = 1000, .handler = count};

	CHECK(siding_netisr_new(&config, &netisr));
	CHECK(siding_attach(netisr, &stays));
	CHECK(siding_register(netisr, &spec, &other));
	register_tried();
	CHECK(siding_worker_claim(netisr, 0, NULL, depart, &own));
	CHECK(siding_worker_claim(netisr, 1, NULL, NULL, &idle));
	on_a_worker();
	CHECK(siding_worker_release(own));
	CHECK(siding_worker_release(idle));
	own = idle = NULL;
	with_no_worker();
	printf("%lu packets were sent from everywhere\n", sent);
	return 0;
}
